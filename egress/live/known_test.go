package live

import (
	"net/http"
	"testing"
)

func TestUnknownStreams(t *testing.T) {
	w := newWorld(t, Config{Known: func(name string) bool { return name == "known-1" }})
	w.publish(t, "played-1")
	for path, want := range map[string]int{
		"/playout/known-1": http.StatusOK, "/playout/played-1": http.StatusOK, "/playout/other-1": http.StatusNotFound,
		"/playout/other-1/ws": http.StatusNotFound, "/playout/other-1/hls/index.m3u8": http.StatusNotFound,
	} {
		if res, body := w.get(t, path); res.StatusCode != want {
			t.Errorf("%s: %s: %s", path, res.Status, body)
		}
	}
}
