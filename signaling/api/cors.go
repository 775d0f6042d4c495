package api

import (
	"net/http"
	"strings"
)

// origins are the origins of pages that may read our answers (CORS). No cookies
// are ever used, so that "any" gives away nothing: the key is in the request.
type origins struct {
	any  bool
	list map[string]bool // lower case
}

func newOrigins(list []string) origins {
	o := origins{any: len(list) == 0, list: make(map[string]bool)}
	for _, s := range list {
		if s == "*" {
			o.any = true
		}
		o.list[strings.ToLower(strings.TrimRight(s, "/"))] = true
	}
	return o
}

// allow lets the page that asks read the answer, if it may.
func (o origins) allow(h http.Header, r *http.Request) {
	if o.any {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !o.list[strings.ToLower(origin)] {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	h.Set("Access-Control-Expose-Headers", "Retry-After")
}

// preflight answers what a browser asks before it sends our headers.
func (o origins) preflight(h http.Header, r *http.Request, methods string) {
	if h.Get("Access-Control-Allow-Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "content-type, x-bintu-apikey, x-bintu-token")
	h.Set("Access-Control-Max-Age", "7200")
}
