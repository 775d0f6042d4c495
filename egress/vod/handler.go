package vod

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/meetcast/meetcast/internal/httpjson"
)

// Handler serves GET and HEAD /vod/NAME.mp4 with byte ranges, to any origin.
func Handler(s *Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /vod/{file}", s.serve)
	mux.HandleFunc("OPTIONS /vod/{file}", func(w http.ResponseWriter, _ *http.Request) {
		allowAnyOrigin(w)
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
		w.Header().Set("Access-Control-Allow-Headers", "Range, If-Range, If-None-Match")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/vod/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			httpjson.Error(w, http.StatusMethodNotAllowed, "method not allowed", "Recordings can only be read.")
			return
		}
		notFound(w)
	})
	return mux
}

func allowAnyOrigin(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, ETag")
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w)
	name, ok := strings.CutSuffix(r.PathValue("file"), finalSuffix)
	if !ok || !nameRule.MatchString(name) {
		notFound(w)
		return
	}
	// A Root does not follow links out of the folder.
	f, err := s.root.Open(name + finalSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		s.missing(w, name)
		return
	}
	if err != nil {
		s.log.Warn("recording not served", "recording", name, "error", err)
		notFound(w)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		notFound(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Cache-Control", "public, max-age=31536000, immutable") // a name never gets other content
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// missing tells a recording that is not finished from one that does not exist.
func (s *Store) missing(w http.ResponseWriter, name string) {
	if _, err := s.root.Lstat(name + partSuffix); err != nil {
		notFound(w)
		return
	}
	w.Header().Set("Retry-After", "5")
	if s.Active(name) {
		httpjson.Error(w, http.StatusConflict, "still recording", "This recording is not finished. Try again after the broadcast has ended.")
		return
	}
	httpjson.Error(w, http.StatusConflict, "not finished", "This recording was interrupted and has not been put together yet. Try again later.")
}

func notFound(w http.ResponseWriter) {
	httpjson.Error(w, http.StatusNotFound, "not found", "There is no such recording. Check the link.")
}
