package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// probeTime bounds each probe of a server from outside.
const probeTime = 6 * time.Second

// Remote says which server to look at from outside, as a browser would.
type Remote struct {
	URL string // http:// or https://
	// Token of a room: with it the doctor joins for a moment, learns the addresses
	// that browsers are told, and tries each, relays included.
	Token string
	// MediaPort and TURNPort are tried without a token.
	MediaPort, TURNPort int
	// Insecure takes any certificate and does not judge it.
	Insecure bool
}

// RunRemote makes all checks of a server from outside, in order.
func RunRemote(ctx context.Context, r Remote) []Finding {
	p, err := newProbe(r)
	if err != nil {
		return []Finding{{Check: "address", Level: Failure, Text: err.Error(), Todo: "give it as in https://meet.example.org"}}
	}
	list, reached := p.pages(ctx)
	if !reached {
		return list
	}
	if p.base.Scheme == "https" {
		list = append(list, p.certificate(ctx, time.Now()))
	} else if !isLocal(p.host) {
		list = append(list, Finding{Check: "camera access", Level: Warning, Text: "pages come by plain HTTP: browsers give camera and microphone only to localhost",
			Todo: "serve HTTPS: http.tls_cert, http.acme_hosts, or a proxy"})
	}
	session, found := p.signaling(ctx)
	list = append(list, found...)
	if session == nil {
		return append(list, p.blind(ctx)...)
	}
	defer session.close()
	return append(list, p.ways(ctx, session)...)
}

// probe is one look at a server.
type probe struct {
	Remote
	base *url.URL
	host string // without port
}

func newProbe(r Remote) (*probe, error) {
	if !strings.Contains(r.URL, "://") {
		r.URL = "https://" + r.URL
	}
	base, err := url.Parse(r.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" {
		return nil, fmt.Errorf("%q is not the address of a server", r.URL)
	}
	if token := base.Query().Get("jwt"); token != "" && r.Token == "" { // a link to a room
		r.Token = token
	}
	base.Path, base.RawQuery, base.Fragment = "", "", ""
	return &probe{Remote: r, base: base, host: base.Hostname()}, nil
}

// tls is how connections to the server are secured.
func (p *probe) tls(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: p.Insecure} //nolint:gosec // when asked for
}

// address is host:port of the pages.
func (p *probe) address() string {
	port := p.base.Port()
	if port == "" {
		if port = "80"; p.base.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(p.host, port)
}

func isLocal(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// blind tries the usual ports when there is no token to ask for the right ones.
func (p *probe) blind(ctx context.Context) []Finding {
	media, relay := p.port(p.MediaPort), p.port(p.TURNPort)
	list := together(
		func() Finding { return bindingFinding(ctx, "media UDP", "udp", media) },
		func() Finding { return bindingFinding(ctx, "media TCP", "tcp", media) },
		func() Finding { return bindingFinding(ctx, "relay UDP", "udp", relay) },
		func() Finding { return bindingFinding(ctx, "relay TCP", "turn-tcp", relay) },
	)
	list = judge(list)
	return append(list, Finding{Check: "more", Level: OK,
		Text: "without a good token these ports are a guess (--media-port, --turn-port); with --token TOKEN, or a room's link as URL, those that browsers are told are tried"})
}

func (p *probe) port(n int) string { return net.JoinHostPort(p.host, strconv.Itoa(n)) }

// together runs checks at the same time and keeps their order.
func together(checks ...func() Finding) []Finding {
	list := make([]Finding, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { list[i] = check() })
	}
	all.Wait()
	return list
}

// judge makes what fails as bad as it is: while some way works, another that does
// not costs quality or a few people; with none, nobody has media.
func judge(ways []Finding) []Finding {
	works := false
	for _, f := range ways {
		works = works || f.Level == OK
	}
	if !works {
		for i := range ways {
			ways[i].Level = Failure
		}
	}
	return ways
}
