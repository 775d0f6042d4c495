package light

import (
	"fmt"
	"strings"
)

// Codec is one payload type of an m-line.
type Codec struct {
	Type     uint8
	Name     string // as in rtpmap: VP8, H264, opus, red, rtx
	Rate     int    // Hz
	Channels int    // zero for video
	Format   string // fmtp, may be empty
	Feedback []string
}

// Extension is a header extension (RFC 8285) of an m-line.
type Extension struct {
	ID  uint8
	URI string
}

// Line is one m-line of an offer: sent or received, never both.
type Line struct {
	Mid        string
	Kind       string // "audio" or "video"
	Send       bool
	Codecs     []Codec // the preferred one first
	Extensions []Extension
	// RIDs of the simulcast layers sent, as they are listed. Without them SSRC
	// and RTX name the stream sent.
	RIDs      []string
	SSRC, RTX uint32 // RTX zero: no retransmission stream
}

// Offer is a session description of one bundled transport.
type Offer struct {
	Session     uint64
	Version     int // counts the offers
	Local       Credentials
	Fingerprint string // sha-256
	CNAME       string
	Lines       []Line
}

// String writes the offer as SDP (RFC 8866) the way browsers do.
func (o Offer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", o.Session, o.Version)
	for _, l := range o.Lines {
		b.WriteString(" " + l.Mid)
	}
	b.WriteString("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n")
	for _, l := range o.Lines {
		o.writeLine(&b, l)
	}
	return b.String()
}

func (o Offer) writeLine(b *strings.Builder, l Line) {
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF", l.Kind)
	for _, c := range l.Codecs {
		fmt.Fprintf(b, " %d", c.Type)
	}
	direction := "recvonly"
	if l.Send {
		direction = "sendonly"
	}
	fmt.Fprintf(b, "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n"+
		"a=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
		o.Local.Ufrag, o.Local.Pwd, o.Fingerprint, l.Mid, direction)
	for _, e := range l.Extensions {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", e.ID, e.URI)
	}
	for _, c := range l.Codecs {
		writeCodec(b, c)
	}
	if l.Send {
		o.writeStream(b, l)
	}
}

func writeCodec(b *strings.Builder, c Codec) {
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", c.Type, c.Name, c.Rate)
	if c.Channels > 1 {
		fmt.Fprintf(b, "/%d", c.Channels)
	}
	b.WriteString("\r\n")
	for _, f := range c.Feedback {
		fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.Type, f)
	}
	if c.Format != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.Type, c.Format)
	}
}

// writeStream describes what is sent: rids (RFC 8853), or SSRCs (RFC 5576).
func (o Offer) writeStream(b *strings.Builder, l Line) {
	fmt.Fprintf(b, "a=msid:bot %s\r\n", l.Mid)
	if len(l.RIDs) > 0 {
		for _, rid := range l.RIDs {
			fmt.Fprintf(b, "a=rid:%s send\r\n", rid)
		}
		fmt.Fprintf(b, "a=simulcast:send %s\r\n", strings.Join(l.RIDs, ";"))
		return
	}
	if l.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", l.SSRC, l.RTX)
	}
	fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\na=ssrc:%d msid:bot %s\r\n", l.SSRC, o.CNAME, l.SSRC, l.Mid)
	if l.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\na=ssrc:%d msid:bot %s\r\n", l.RTX, o.CNAME, l.RTX, l.Mid)
	}
}
