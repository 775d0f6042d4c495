package whip

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/meetcast/meetcast/signaling/wire"
)

// The media types of bodies (RFC 9725 §4.2, RFC 8840 §9).
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// origins are the pages that may read our answers. No cookie is ever used.
type origins struct {
	any  bool
	list map[string]bool // lower case
}

func newOrigins(list []string) origins {
	o := origins{any: len(list) == 0, list: make(map[string]bool)}
	for _, s := range list {
		o.any = o.any || s == "*"
		o.list[strings.ToLower(strings.TrimRight(s, "/"))] = true
	}
	return o
}

// allow lets the page that asks read the answer, if it may.
func (o origins) allow(h http.Header, r *http.Request) {
	origin := "*"
	if !o.any {
		h.Add("Vary", "Origin")
		if origin = r.Header.Get("Origin"); !o.list[strings.ToLower(origin)] {
			return
		}
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Retry-After, WWW-Authenticate")
}

// options answers what a page or a client asks before it begins.
func options(w http.ResponseWriter, methods string) {
	h := w.Header()
	h.Set("Allow", methods)
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "7200")
	if strings.Contains(methods, http.MethodPost) {
		h.Set("Accept-Post", typeSDP)
	} else {
		h.Set("Accept-Patch", typeFragment)
	}
	w.WriteHeader(http.StatusNoContent)
}

// bearer returns the token of a request (RFC 6750 §2.1).
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errNoToken
	}
	return token, nil
}

// body reads a body of a type, at most so many bytes and within a time.
func body(w http.ResponseWriter, r *http.Request, mediaType string, wrong error, limit int64, patience time.Duration) (string, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != mediaType {
		return "", wrong
	}
	if r.ContentLength > limit {
		return "", errOversize
	}
	// Not every ResponseWriter has deadlines; those of the real server do.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return "", errSlow
	case int64(len(b)) > limit:
		return "", errOversize
	}
	return string(b), nil
}

// links tells the ICE servers (RFC 9725 §4.6).
func links(h http.Header, servers []wire.ICEServer) {
	for _, s := range servers {
		for _, u := range s.URLs {
			if strings.ContainsAny(u, "<>\r\n") {
				continue
			}
			link := "<" + u + `>; rel="ice-server"`
			if s.Username != "" || s.Credential != "" {
				link += "; username=" + quoted(s.Username) + "; credential=" + quoted(s.Credential) + `; credential-type="password"`
			}
			h.Add("Link", link)
		}
	}
}

// quoted writes a quoted-string (RFC 9110 §5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(s) + `"`
}

// match is what an If-Match header asks for (RFC 9110 §13.1.1).
type match uint8

const (
	matchNone  match = iota // no header
	matchAny                // *
	matchThis               // the present entity-tag is listed
	matchOther              // it is not
)

// matches holds an If-Match header against the present entity-tag. Weak tags
// never match.
func matches(r *http.Request, etag string) match {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return matchNone
	}
	for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
		switch strings.TrimSpace(tag) {
		case "*":
			return matchAny
		case etag:
			return matchThis
		}
	}
	return matchOther
}
