package httpjson

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestError(t *testing.T) {
	w := httptest.NewRecorder()
	Error(w, http.StatusConflict, "taken", "Choose another name & <try> again.")
	want := `{"error":"taken","message":"Choose another name & <try> again."}` + "\n"
	h := w.Result().Header
	if w.Code != http.StatusConflict || w.Body.String() != want || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
}

func TestWriteNothingOfWhatHasNoForm(t *testing.T) {
	w := httptest.NewRecorder()
	if err := Write(w, http.StatusOK, func() {}); err == nil || w.Body.Len() > 0 {
		t.Errorf("error %v, body %q", err, w.Body)
	}
}
