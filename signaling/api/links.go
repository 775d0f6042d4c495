package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/meetcast/meetcast/auth"
)

// Links makes the URLs that are handed out. They begin with PublicURL or, when
// that is empty, with what the request was sent to.
type Links struct {
	// PublicURL is like "https://meet.example.com", possibly with a path.
	PublicURL string
	// TrustForwarded believes X-Forwarded-Proto and X-Forwarded-Host. Set it only
	// where a trusted proxy has set them or something before has removed them.
	TrustForwarded bool
	// RTMPPort of the embedded ingest; 0 means 1935.
	RTMPPort int
}

// Base returns the beginning of a URL on this server, without a slash at the
// end, and false when the request names no proper host.
func (l Links) Base(r *http.Request) (string, bool) {
	if l.PublicURL != "" {
		return strings.TrimRight(l.PublicURL, "/"), true
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if l.TrustForwarded {
		switch proto := forwarded(r, "X-Forwarded-Proto"); proto {
		case "http", "https":
			scheme = proto
		}
		if h := forwarded(r, "X-Forwarded-Host"); h != "" {
			host = h
		}
	}
	return scheme + "://" + host, auth.CheckServer(host) == nil
}

// forwarded returns the first value of a list: the one of the outermost proxy.
func forwarded(r *http.Request, header string) string {
	first, _, _ := strings.Cut(r.Header.Get(header), ",")
	return strings.TrimSpace(first)
}

// ingest returns the RTMP URL on the host of base to which encoders publish.
func (l Links) ingest(base string) string {
	port := l.RTMPPort
	if port == 0 {
		port = 1935
	}
	host := "localhost"
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return "rtmp://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/live"
}

// hls returns the LL-HLS playlist of a stream.
func hls(base, name string) string { return base + "/playout/" + name + "/hls/index.m3u8" }

// player returns the page that plays a stream.
func player(base, name string) string {
	return base + "/nanoplayer/release/nanoplayer.html?bintu.streamname=" + url.QueryEscape(name)
}

// recording returns the link of a VOD file.
func recording(base, file string) string { return base + "/vod/" + url.PathEscape(file) }

// remoteAddr returns the address to which failed attempts are charged: an IPv4
// address, or the /64 that an IPv6 subscriber usually has to itself.
func remoteAddr(r *http.Request) netip.Prefix {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{} // a socket without addresses: all share one account
	}
	addr := ap.Addr().Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked()
}
