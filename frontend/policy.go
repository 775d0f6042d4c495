package frontend

import (
	"net/http"
	"regexp"
	"strings"
)

// policy is what one page may do: its Content-Security-Policy and its
// Permissions-Policy. All pages load from their own origin only.
type policy struct {
	// frames that the page may show; empty for none.
	frames string
	// connect adds to the page's own origin where it may send requests.
	connect string
	// ancestors that may embed the page; empty for everybody.
	ancestors string
	// worker allows scripts as blobs in workers (hls.js).
	worker bool
	// capture is the allow-list of camera, microphone and screen.
	capture string
}

var (
	// The meeting page is there to be embedded, wherever its token is used.
	policyMeeting = policy{capture: "(self)"}
	// The sample page embeds a room on the server that its token names, which
	// may go by another host name, and hands the devices on to that frame.
	policySample = policy{frames: "'self' http: https:", connect: "http: https:", capture: "*"}
	// The player is embedded by others as well.
	policyPlayer = policy{worker: true, capture: "()"}
	// The landing page and the token creator, which sees API keys.
	policyInner = policy{ancestors: "'self'", capture: "()"}
)

// hostPattern is what a Host header may look like before it is put into a policy.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$`)

// set writes the headers. host is that of the request: older Safari does not
// let 'self' cover WebSockets, so they are named.
func (p policy) set(head http.Header, host string) {
	connect := "'self'"
	if hostPattern.MatchString(host) {
		connect += " ws://" + host + " wss://" + host
	}
	if p.connect != "" {
		connect += " " + p.connect
	}
	csp := []string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"font-src 'self'",
		"img-src 'self' data: blob:",
		"media-src 'self' blob: mediastream:",
		"connect-src " + connect,
		"base-uri 'none'",
		"form-action 'self'",
	}
	if p.worker {
		csp = append(csp, "worker-src 'self' blob:")
	}
	if p.frames != "" {
		csp = append(csp, "frame-src "+p.frames)
	}
	if p.ancestors != "" {
		csp = append(csp, "frame-ancestors "+p.ancestors)
	}
	head.Set("Content-Security-Policy", strings.Join(csp, "; "))
	head.Set("Permissions-Policy", p.permissions())
	// The address of a meeting holds its token: it goes to nobody.
	head.Set("Referrer-Policy", "no-referrer")
}

func (p policy) permissions() string {
	parts := make([]string, 0, 9)
	for _, name := range []string{"camera", "microphone", "display-capture"} {
		parts = append(parts, name+"="+p.capture)
	}
	for _, name := range []string{"geolocation", "payment", "usb", "serial", "hid", "midi"} {
		parts = append(parts, name+"=()")
	}
	return strings.Join(parts, ", ")
}
