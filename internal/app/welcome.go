package app

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Welcome says where the server is and how to use it. The API key is in it only
// at the first start: it is stored as a hash, nobody can print it again.
func (a *App) Welcome() string {
	base := a.baseURL()
	helper := base + "/nanomeet-frontend/nanomeet-helper.html"
	var b strings.Builder
	fmt.Fprintf(&b, "\nMeetcast is running.\n\n  Server         %s\n", base)
	if key := a.first.APIKey; key != "" {
		fmt.Fprintf(&b, "  API key        %s\n                 (shown this once; make another with: meetcast token key)\n", key)
		helper += "?bintu.apikey=" + url.QueryEscape(key)
	}
	fmt.Fprintf(&b, "  Token creator  %s\n", helper)
	fmt.Fprintf(&b, "  RTMP ingest    rtmp://%s/live/STREAM\n\n", net.JoinHostPort(hostname(base), fmt.Sprint(a.ingestPort())))
	return b.String()
}

// baseURL is the public URL, or where a browser on this machine finds the server.
func (a *App) baseURL() string {
	if a.cfg.HTTP.PublicURL != "" {
		return a.cfg.HTTP.PublicURL
	}
	scheme := "http"
	if a.cfg.HTTP.TLSCert != "" || len(a.cfg.HTTP.ACMEHosts) > 0 {
		scheme = "https"
	}
	host := "localhost"
	tcp, _ := a.http.addr.(*net.TCPAddr)
	if tcp != nil && !tcp.IP.IsUnspecified() && !tcp.IP.IsLoopback() {
		host = tcp.IP.String()
	}
	if len(a.cfg.HTTP.ACMEHosts) > 0 {
		host = a.cfg.HTTP.ACMEHosts[0]
	}
	_, port, err := net.SplitHostPort(a.http.addr.String())
	if err != nil || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (a *App) ingestPort() int {
	tcp, ok := a.ingest.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return tcp.Port
}

// hostname returns the host of a URL without its port.
func hostname(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
