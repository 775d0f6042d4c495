package frontend

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/meetcast/meetcast/internal/httpjson"
)

// noticeStyle is the only inline style of all pages: it must work when nothing
// else is there. Its hash is in the policy.
const noticeStyle = `:root{color-scheme:dark}body{margin:0;min-height:100vh;display:grid;place-items:center;background:#0f1216;color:#e9edf2;font:16px/1.5 system-ui,sans-serif}main{max-width:28rem;padding:2rem}h1{font-size:1.5rem;margin:0 0 .5rem}p{color:#a8b3c0;margin:0 0 1.5rem}a{color:#7aa7ff}code{color:#e9edf2}`

var noticePolicy = func() string {
	sum := sha256.Sum256([]byte(noticeStyle))
	return "default-src 'none'; base-uri 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// serveNotice sends a page of a few words. text is HTML.
func serveNotice(w http.ResponseWriter, status int, title, text string) {
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", noticePolicy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	title = html.EscapeString(title)
	fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>%s · Meetcast</title><style>%s</style><main><h1>%s</h1>%s</main></html>`,
		title, noticeStyle, title, text)
}

// wantsPage tells a browser that opens an address from a script that calls it.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") &&
		!strings.HasPrefix(r.URL.Path, "/api/") &&
		!strings.HasPrefix(r.URL.Path, "/assets/")
}

func serveNotFound(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		httpjson.Error(w, http.StatusNotFound, "not found",
			"There is nothing at this address. Check the path of the request.")
		return
	}
	serveNotice(w, http.StatusNotFound, "There is nothing here",
		`<p>The address may be mistyped, or the link incomplete. Ask for the link again, or start from the beginning.</p><a href="/">To the start page</a>`)
}

// serveUnbuilt stands in for every page of a binary that has none.
func serveUnbuilt(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		httpjson.Error(w, http.StatusServiceUnavailable, "built without pages",
			"This binary was built without its pages. Run make and start the binary that it builds.")
		return
	}
	serveNotice(w, http.StatusServiceUnavailable, "Built without pages",
		`<p>The server runs, but its binary was built without the pages. Run <code>make</code> and start the binary that it builds.</p>`)
}
