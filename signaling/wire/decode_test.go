package wire

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeReadsEveryClientMessage(t *testing.T) {
	for name, want := range golden {
		if !strings.HasSuffix(name, ".client") {
			continue
		}
		data, err := os.ReadFile(goldenPath(name))
		if err != nil {
			t.Fatal(err)
		}
		head, got, err := Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded %+v, want %+v", name, got, want)
		}
		if typ, _, _ := strings.Cut(name, "."); head.Type != typ {
			t.Errorf("%s: head of type %q", name, head.Type)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
		id   string
	}{
		"empty":           {``, ErrSyntax, ""},
		"not json":        {`hello`, ErrSyntax, ""},
		"cut off":         {`{"type":"ping"`, ErrSyntax, ""},
		"two messages":    {`{"type":"ping"}{"type":"ping"}`, ErrSyntax, ""},
		"array":           {`[1,2]`, ErrSyntax, ""},
		"null":            {`null`, ErrSyntax, ""},
		"no type":         {`{"id":"1"}`, ErrSyntax, ""},
		"type is number":  {`{"type":1}`, ErrSyntax, ""},
		"unknown type":    {`{"type":"dance","id":"1"}`, ErrUnknownType, "1"},
		"server's type":   {`{"type":"joined","id":"1"}`, ErrUnknownType, "1"},
		"wrong field":     {`{"type":"chat","id":"1","text":5}`, ErrFields, "1"},
		"negative mline":  {`{"type":"candidate","id":"1","sdpMLineIndex":-1}`, ErrFields, "1"},
		"id too long":     {`{"type":"ping","id":"` + strings.Repeat("x", MaxID+1) + `"}`, ErrFields, ""},
		"overflowing int": {`{"type":"view","want":[{"width":1e99}]}`, ErrFields, ""},
	} {
		t.Run(name, func(t *testing.T) {
			head, msg, err := Decode([]byte(c.in))
			if !errors.Is(err, c.want) || msg != nil || head.ID != c.id {
				t.Errorf("Decode = %+v, %v, %v; want id %q and %v", head, msg, err, c.id, c.want)
			}
		})
	}
}

func TestDecodeIgnoresUnknownFields(t *testing.T) {
	_, msg, err := Decode([]byte(`{"type":"chat","text":"hi","colour":"red"}`))
	if err != nil || msg.(*Chat).Text != "hi" {
		t.Errorf("Decode = %+v, %v", msg, err)
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"type":"view","want":[null,{}]}`))
	f.Add([]byte(strings.Repeat(`[`, 5000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, msg, err := Decode(data)
		if (msg == nil) == (err == nil) {
			t.Fatalf("Decode = %v, %v", msg, err)
		}
		if err == nil && clientTypes[head.Type] == nil {
			t.Fatalf("decoded a message of type %q", head.Type)
		}
	})
}
