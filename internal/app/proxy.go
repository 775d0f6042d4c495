package app

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// trustProxies rewrites requests that come through one of the proxies: the
// remote address, host and scheme become those that the proxy forwards. From
// anyone else the X-Forwarded headers are removed, so that no handler behind
// can believe them by mistake.
func trustProxies(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if trusted(proxies, r.RemoteAddr) {
			forwardRequest(proxies, r)
		} else {
			r.Header.Del("X-Forwarded-For")
			r.Header.Del("X-Forwarded-Host")
			r.Header.Del("X-Forwarded-Proto")
		}
		next.ServeHTTP(w, r)
	})
}

// forwardRequest takes over what the proxy says of its client.
func forwardRequest(proxies []netip.Prefix, r *http.Request) {
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0; i-- { // nearest first; stop at the first that is not ours
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		r.RemoteAddr = net.JoinHostPort(hop, "0")
		if !trusted(proxies, r.RemoteAddr) {
			break
		}
	}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" {
		r.Host = host
	}
}

func trusted(proxies []netip.Prefix, remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range proxies {
		if p.Contains(ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// parseProxies turns validated addresses and prefixes into prefixes.
func parseProxies(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
		} else if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}
