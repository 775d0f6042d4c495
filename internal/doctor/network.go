package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serverAt tells whether a Meetcast server already answers on the HTTP port.
func serverAt(ctx context.Context, c Config) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, port, err := net.SplitHostPort(c.HTTPAddress)
	if err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("localhost", port)+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// ports tries to listen where the server would.
func ports(c Config, running bool) Finding {
	f := Finding{Check: "ports"}
	if running {
		f.Text = "a server is already running on " + c.HTTPAddress + "; its ports are not tried"
		return f
	}
	rtc := net.JoinHostPort("", strconv.Itoa(c.RTCPort))
	tries := []struct{ key, network, address string }{
		{"http.address", "tcp", c.HTTPAddress},
		{"rtc.port", "udp", rtc},
		{"rtc.port", "tcp", rtc},
		{"turn.address", "udp", c.TURNAddress},
		{"turn.address", "tcp", c.TURNAddress},
		{"turn.tls_address", "tcp", c.TURNTLSAddress},
		{"ingest.address", "tcp", c.IngestAddress},
	}
	var busy, free []string
	for _, t := range tries {
		if t.address == "" || t.key == "rtc.port" && t.network == "tcp" && !c.RTCTCP {
			continue
		}
		name := t.network + " " + t.address
		if err := tryListen(t.network, t.address); err != nil {
			busy = append(busy, fmt.Sprintf("%s (%s): %v", name, t.key, err))
			continue
		}
		free = append(free, name)
	}
	if len(busy) > 0 {
		f.Level, f.Text = Failure, strings.Join(busy, "; ")
		f.Todo = "stop the program that uses the port, or set another one in the configuration"
		return f
	}
	f.Text = "can listen on " + strings.Join(free, ", ") + "; open them in the firewall"
	return f
}

func tryListen(network, address string) error {
	if network == "udp" {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// interfaceIPs lists the addresses of this machine that are up, without loopback.
func interfaceIPs() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []net.IP
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// addresses says which addresses browsers will be told to send media to.
func addresses(c Config, ips []net.IP) Finding {
	f := Finding{Check: "media address"}
	if len(c.AdvertisedIPs) > 0 {
		f.Text = fmt.Sprintf("browsers are told %s, port %d", strings.Join(c.AdvertisedIPs, ", "), c.RTCPort)
		return f
	}
	public := false
	names := make([]string, len(ips))
	for i, ip := range ips {
		public = public || !ip.IsPrivate()
		names[i] = ip.String()
	}
	switch {
	case len(ips) == 0:
		f.Level, f.Text = Warning, "this machine has only loopback: nobody else can send media"
		f.Todo = "connect it to a network, or set rtc.advertised_ips"
	case !public:
		f.Level, f.Text = Warning, "only private addresses: "+strings.Join(names, ", ")
		f.Todo = "fine inside this network; for people outside set rtc.advertised_ips to the public address and forward the port"
	default:
		f.Text = fmt.Sprintf("browsers are told %s, port %d", strings.Join(names, ", "), c.RTCPort)
	}
	return f
}

// secureContext says whether browsers will give camera and microphone.
func secureContext(c Config) Finding {
	f := Finding{Check: "camera access"}
	u, err := url.Parse(c.PublicURL)
	switch {
	case c.TLS || c.PublicURL != "" && err == nil && u.Scheme == "https":
		f.Text = "pages come by HTTPS"
	case c.PublicURL != "" && err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()):
		f.Text = "pages come from localhost, which browsers trust"
	default:
		f.Level, f.Text = Warning, "pages come by plain HTTP: browsers give camera and microphone only to localhost"
		f.Todo = "set http.tls_cert and http.tls_key, or http.acme_hosts, or put an HTTPS proxy in front and set http.public_url"
	}
	return f
}
