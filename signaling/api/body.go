package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
)

// maxBody of a request in bytes; the largest sensible one has a few hundred.
const maxBody = 64 << 10

// readBody decodes a JSON object into v. Unknown fields are ignored: clients
// send more than they need. An empty body is an empty object.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return errTooBig
	case err != nil:
		return errBody.because("The body could not be read.")
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil
	}
	if data[0] != '{' {
		return errBody
	}
	err = json.Unmarshal(data, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return errBody.because(wrong.Field + " must be " + typeName(wrong.Type) + ".")
	case err != nil:
		return errBody.because("The body is not valid JSON.")
	}
	return nil
}

// typeName says a Go type in the words of JSON.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}
