package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/signaling/wire"
)

const (
	// renewBefore is when a certificate should have been renewed.
	renewBefore = 14 * 24 * time.Hour
	// clockApart is how far clocks may be apart: tokens are dated to the second,
	// but people make them ahead.
	clockApart = 30 * time.Second
)

// pages asks for a page and compares the clocks. Nothing else can be tried when it
// does not come.
func (p *probe) pages(ctx context.Context) (list []Finding, reached bool) {
	f := Finding{Check: "pages"}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: p.tls(p.host)}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.String()+"/healthz", nil)
	if err != nil {
		f.Level, f.Text = Failure, err.Error()
		return []Finding{f}, false
	}
	asked := time.Now()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		f.Level, f.Text, f.Todo = Failure, p.base.String()+" does not answer: "+plain(err), todoOf(err, p.address())
		return []Finding{f}, false
	}
	resp.Body.Close()
	took := time.Since(asked)
	if resp.StatusCode != http.StatusOK {
		f.Level, f.Text = Failure, fmt.Sprintf("%s answers %s", p.base, resp.Status)
		f.Todo = "is it a Meetcast server? A proxy in front must pass all paths on"
		return []Finding{f}, false
	}
	f.Text = fmt.Sprintf("%s answers in %d ms", p.base, took.Milliseconds())
	list = []Finding{f}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		list = append(list, clocks(date, asked.Add(took/2)))
	}
	return list, true
}

// clocks compares the server's time, which is cut to seconds, with ours.
func clocks(server, ours time.Time) Finding {
	f := Finding{Check: "clock", Text: "the server's clock is right"}
	if apart := server.Sub(ours); apart > clockApart || apart < -clockApart {
		f.Level, f.Text = Warning, fmt.Sprintf("the server's clock is %v from this machine's", apart.Round(time.Second))
		f.Todo = "let NTP set both: tokens are valid by the clock"
	}
	return f
}

// certificate says until when HTTPS works.
func (p *probe) certificate(ctx context.Context, now time.Time) Finding {
	f := Finding{Check: "certificate"}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := (&tls.Dialer{Config: p.tls(p.host)}).DialContext(ctx, "tcp", p.address())
	if err != nil {
		f.Level, f.Text, f.Todo = Failure, plain(err), todoOf(err, p.address())
		return f
	}
	defer conn.Close()
	secure, ok := conn.(*tls.Conn)
	if !ok || len(secure.ConnectionState().PeerCertificates) == 0 {
		f.Level, f.Text = Failure, "the server shows none"
		return f
	}
	return expiry(secure.ConnectionState().PeerCertificates[0].NotAfter, now)
}

func expiry(until, now time.Time) Finding {
	f := Finding{Check: "certificate", Text: "valid until " + until.UTC().Format(time.DateOnly)}
	switch left := until.Sub(now); {
	case left <= 0:
		f.Level, f.Text, f.Todo = Failure, "expired on "+until.UTC().Format(time.DateOnly), "renew it: browsers refuse the pages"
	case left < renewBefore:
		f.Level, f.Todo = Warning, "renew it soon"
	}
	return f
}

// signaling opens the WebSocket, and joins the room of the token if there is one.
func (p *probe) signaling(ctx context.Context) (*session, []Finding) {
	f := Finding{Check: "signaling"}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	u := *p.base
	if u.Scheme = "ws"; p.base.Scheme == "https" {
		u.Scheme = "wss"
	}
	u.Path = wire.Path
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, TLSClientConfig: p.tls(p.host), HandshakeTimeout: probeTime}
	conn, resp, err := d.DialContext(ctx, u.String(), http.Header{"Origin": {p.base.String()}})
	if err != nil {
		f.Level, f.Text = Failure, "no WebSocket: "+plain(err)
		if resp != nil {
			f.Text += " (" + resp.Status + ")"
		}
		f.Todo = "a proxy in front must pass WebSockets on: Upgrade and Connection headers, no short timeouts"
		return nil, []Finding{f}
	}
	if p.Token == "" {
		conn.Close()
		f.Text = "the WebSocket opens"
		return nil, []Finding{f}
	}
	s, err := join(conn, p.Token)
	if err != nil {
		conn.Close()
		f.Level, f.Text, f.Todo = Failure, "cannot join: "+err.Error(), "use a fresh token of this server, as from `meetcast token room`"
		return nil, []Finding{f}
	}
	f.Text = "joined the room, and the server answered an offer"
	return s, []Finding{f}
}

// plain cuts an error to what people need of it.
func plain(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be resolved"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "plain HTTP is spoken there, not HTTPS"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", probeTime)
	case errors.As(err, &op) && op.Timeout():
		return "no answer in time"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}

func todoOf(err error, address string) string {
	var dns *net.DNSError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &dns):
		return "check the name, and its DNS entry"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "try http://" + address + "; for others than this machine the server needs HTTPS (http.tls_cert, http.acme_hosts, a proxy)"
	case errors.As(err, &host):
		return "get a certificate for this name"
	case errors.As(err, &authority):
		return "get a certificate that browsers trust (http.acme_hosts does), or try with --insecure"
	case errors.As(err, &invalid):
		return "renew the certificate"
	}
	return "is the server running, and is TCP " + address + " open in its firewall?"
}
