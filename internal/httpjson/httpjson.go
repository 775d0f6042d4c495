// Package httpjson writes the JSON answers of every HTTP endpoint, and the one
// form that all errors have: {"error": "short title", "message": "what to do"}.
package httpjson

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Write answers with v as JSON. It fails, and has written nothing, when v has no
// JSON form; a connection that is gone is no error, since nobody is left to tell.
func Write(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // nobody takes application/json for a page
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
	return nil
}

// Error answers with an error that no cache keeps: a short title, and a sentence
// for people that says what to do.
func Error(w http.ResponseWriter, status int, title, message string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = Write(w, status, struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}{title, message}) // strings always have a JSON form
}
