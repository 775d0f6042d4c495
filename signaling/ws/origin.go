package ws

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originCheck returns the origin policy: see Config.Origins.
func originCheck(allowed []string) func(*http.Request) bool {
	list := make([]string, len(allowed))
	for i, o := range allowed {
		list[i] = strings.ToLower(strings.TrimSuffix(o, "/"))
	}
	return func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" || slices.Contains(list, "*") {
			return true
		}
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" {
			return false
		}
		return strings.EqualFold(u.Host, r.Host) || slices.Contains(list, strings.ToLower(u.Scheme+"://"+u.Host))
	}
}
