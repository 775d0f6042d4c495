package frontend

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/meetcast/meetcast/internal/httpjson"
)

// Handler serves the embedded pages. It answers every path, so mount it behind
// all other routes: what is no page gets a 404, as JSON unless a browser asks
// for a page.
func Handler() http.Handler {
	files, built := Files()
	return newHandler(files, built)
}

// newHandler serves the pages found in files.
func newHandler(files fs.FS, built bool) http.Handler {
	if !built {
		return getOnly(http.HandlerFunc(serveUnbuilt))
	}
	return getOnly(&handler{store: newStore(files)})
}

// pages maps the fixed paths to the built files.
var pages = map[string]page{
	"/":           {file: "index.html", policy: policyInner},
	"/index.html": {file: "index.html", policy: policyInner},
	"/nanomeet-frontend/nanomeet-helper.html": {file: "helper.html", policy: policyInner},
	"/nanomeet-frontend/nanomeet-sample.html": {file: "sample.html", policy: policySample},
	"/nanoplayer/release/nanoplayer.html":     {file: "player.html", policy: policyPlayer},
}

// meeting is the page behind /{sub}/{room}.
var meeting = page{file: "meeting.html", policy: policyMeeting}

type page struct {
	file   string
	policy policy
}

// roomPath is /{sub}/{room}; the characters of a room are those that POST
// /nanomeet accepts, so any other name cannot have a token.
var roomPath = regexp.MustCompile(`^/([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_]{1,128})/?$`)

// reserved are first path segments that are no organisation, so that a wrong
// URL below them gets an error and not a meeting.
var reserved = map[string]bool{
	"api": true, "assets": true, "js": true, "nanomeet-frontend": true, "nanoplayer": true,
	"playout": true, "vod": true, "stream": true, "organisation": true, "nanomeet": true,
}

type handler struct {
	store *store
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if p, ok := pages[path]; ok {
		h.servePage(w, r, p)
		return
	}
	if name, ok := strings.CutPrefix(path, "/assets/"); ok {
		h.serveFile(w, r, "assets/"+name, "public, max-age=31536000, immutable")
		return
	}
	if name, ok := strings.CutPrefix(strings.TrimPrefix(path, "/nanomeet-frontend"), "/js/"); ok {
		// Pages of other origins load these, and want to notice an update.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		h.serveFile(w, r, "js/"+name, "public, max-age=300")
		return
	}
	if m := roomPath.FindStringSubmatch(path); m != nil && !reserved[m[1]] {
		h.servePage(w, r, meeting)
		return
	}
	serveNotFound(w, r)
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, p page) {
	p.policy.set(w.Header(), r.Host)
	h.serveFile(w, r, p.file, "no-cache")
}

// serveFile sends one built file in the smallest form that the browser takes.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name, cache string) {
	f, ok := h.store.file(name)
	if !ok {
		serveNotFound(w, r)
		return
	}
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Type", f.contentType)
	head.Set("Cache-Control", cache)
	head.Set("Vary", "Accept-Encoding")
	v := f.pick(r.Header.Get("Accept-Encoding"))
	if v.encoding != "" {
		head.Set("Content-Encoding", v.encoding)
	}
	head.Set("ETag", v.etag)
	http.ServeContent(w, r, "", h.store.modified, v.reader())
}

// getOnly refuses all methods but GET and HEAD.
func getOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			httpjson.Error(w, http.StatusMethodNotAllowed, "method not allowed",
				"This address only answers GET. Check the method and the path of the request.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
