package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Validate checks the values, reports every wrong one, and normalises paths.
func (c *Config) Validate() error {
	var p problems
	p.check(c.DataDir != "", "data_dir", "must name a folder")
	p.check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level), "log.level", "must be debug, info, warn or error")
	p.check(slices.Contains([]string{"text", "json"}, c.Log.Format), "log.format", "must be text or json")
	c.HTTP.validate(&p)
	c.RTC.validate(&p)
	c.TURN.validate(&p)
	c.Rooms.validate(&p)
	c.Broadcast.validate(&p)
	if c.Ingest.Address != "" {
		p.address("ingest.address", c.Ingest.Address)
	}
	p.between("ingest.max_connections", c.Ingest.MaxConnections, 1, 100000)
	p.between("playout.max_viewers", c.Playout.MaxViewers, 1, 1000000)
	if c.Recording.Dir == "" {
		c.Recording.Dir = filepath.Join(c.DataDir, "vod")
	}
	return errors.Join(p...)
}

func (h *HTTP) validate(p *problems) {
	p.address("http.address", h.Address)
	if h.PublicURL != "" {
		u, err := url.Parse(h.PublicURL)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && strings.Trim(u.Path, "/") == ""
		p.check(ok, "http.public_url", "must be like https://meet.example.org, without a path")
		h.PublicURL = strings.TrimRight(h.PublicURL, "/")
	}
	p.check((h.TLSCert == "") == (h.TLSKey == ""), "http.tls_cert", "must be set together with http.tls_key")
	p.check(h.TLSCert == "" || len(h.ACMEHosts) == 0, "http.acme_hosts", "cannot be combined with http.tls_cert")
	p.prefixes("http.trusted_proxies", h.TrustedProxies)
	p.prefixes("http.metrics_allow", h.MetricsAllow)
}

func (r *RTC) validate(p *problems) {
	p.between("rtc.port", r.Port, 0, 65535)
	for _, s := range r.AdvertisedIPs {
		_, err := netip.ParseAddr(s)
		p.check(err == nil, "rtc.advertised_ips", fmt.Sprintf("%q is not an IP address", s))
	}
	for _, s := range r.ICEServers {
		p.check(len(s.URLs) > 0, "rtc.ice_servers", "each entry needs urls")
	}
}

func (t *TURN) validate(p *problems) {
	for key, v := range map[string]string{"turn.address": t.Address, "turn.tls_address": t.TLSAddress} {
		if v != "" {
			p.address(key, v)
		}
	}
	p.check((t.TLSCert == "") == (t.TLSKey == ""), "turn.tls_cert", "must be set together with turn.tls_key")
	_, err := netip.ParseAddr(t.Host)
	p.check(err == nil || !strings.ContainsAny(t.Host, ":/ "), "turn.host", "must be a name or an address, without a port")
	p.check(t.CredentialTTL >= time.Minute && t.CredentialTTL <= 7*24*time.Hour, "turn.credential_ttl", "must be between 1m and 168h")
	p.between("turn.max_allocations", t.MaxAllocations, 1, 60000)
	p.between("turn.max_per_user", t.MaxPerUser, 1, 1000)
	p.between("turn.max_per_ip", t.MaxPerIP, 1, 60000)
}

func (r *Rooms) validate(p *problems) {
	p.between("rooms.max_rooms", r.MaxRooms, 1, 1000000)
	p.between("rooms.max_members", r.MaxMembers, 1, 10000)
	p.between("rooms.audio_slots", r.AudioSlots, 1, 16)
	p.between("rooms.max_video_slots", r.MaxVideoSlots, 1, 49)
	p.check(slices.Contains([]string{"", "vp8", "h264", "vp9", "av1"}, r.VideoCodec), "rooms.video_codec", "must be vp8, h264, vp9, av1 or empty")
	p.between("rooms.max_unjoined_per_ip", r.MaxUnjoinedPerIP, 1, 100000)
	p.check(r.ResumeGrace >= time.Second && r.ResumeGrace <= 5*time.Minute, "rooms.resume_grace", "must be between 1s and 5m")
}

func (b *Broadcast) validate(p *problems) {
	p.check(b.FFmpeg != "", "broadcast.ffmpeg", "must name a program")
	p.between("broadcast.width", b.Width, 64, 3840)
	p.between("broadcast.height", b.Height, 64, 3840)
	p.check(b.Width%2 == 0 && b.Height%2 == 0, "broadcast.width", "width and height must be even")
	p.between("broadcast.fps", b.FPS, 1, 60)
	p.between("broadcast.video_kbps", b.VideoKbps, 50, 100000)
	p.between("broadcast.audio_kbps", b.AudioKbps, 16, 512)
	p.check(b.Encoder != "", "broadcast.encoder", "must name a video encoder, as in libx264")
	p.between("broadcast.max_broadcasts", b.MaxBroadcasts, 1, 1000)
	p.check(b.EmptyTimeout >= 0, "broadcast.empty_timeout", "must not be negative")
	if d := b.DefaultDestination; d != "" {
		u, err := url.Parse(d)
		p.check(err == nil && (u.Scheme == "rtmp" || u.Scheme == "rtmps") && u.Host != "",
			"broadcast.default_destination", "must be an rtmp:// or rtmps:// URL")
	}
}

// problems collects one error for each wrong key.
type problems []error

func (p *problems) check(ok bool, key, want string) {
	if !ok {
		*p = append(*p, fmt.Errorf("configuration: %s %s", key, want))
	}
}

func (p *problems) between(key string, v, low, high int) {
	p.check(v >= low && v <= high, key, fmt.Sprintf("is %d, must be %d to %d", v, low, high))
}

func (p *problems) address(key, v string) {
	_, _, err := net.SplitHostPort(v)
	p.check(err == nil, key, fmt.Sprintf("is %q, must be host:port or :port", v))
}

func (p *problems) prefixes(key string, list []string) {
	for _, s := range list {
		_, errAddr := netip.ParseAddr(s)
		_, errPrefix := netip.ParsePrefix(s)
		p.check(errAddr == nil || errPrefix == nil, key, fmt.Sprintf("%q is neither an IP address nor a CIDR prefix", s))
	}
}
