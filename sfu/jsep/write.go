package jsep

import (
	"fmt"
	"strconv"
	"strings"
)

// Answer is what an answer says besides what follows from the offer.
type Answer struct {
	// Session and Version fill the o-line (RFC 8866 §5.2); the version grows with
	// each answer.
	Session, Version uint64
	// Ufrag, Pwd and Fingerprint are ours; Active tells that we begin the DTLS
	// handshake.
	Ufrag, Pwd  string
	Fingerprint Fingerprint
	Active      bool
	// Candidates are all of ours, as the values of candidate attributes.
	Candidates []string
	// Slot describes what we send on a line.
	Slot func(mid string) Slot
}

// Slot is what the answer says of a line that we send on.
type Slot struct {
	// ID names the stream and its track, SSRC is the stream's, RTX that of its
	// retransmissions, 0 for none.
	ID        string
	SSRC, RTX uint32
}

// Write returns the answer to an offer (RFC 8829 §5.3).
func Write(o *Offer, a Answer) string {
	w := &writer{}
	w.b.Grow(1024 + 1024*len(o.Lines))
	w.line("v=0")
	w.line("o=- ", a.Session, " ", a.Version, " IN IP4 127.0.0.1")
	w.line("s=-")
	w.line("t=0 0")
	w.line("a=fingerprint:", a.Fingerprint.Algorithm, " ", a.Fingerprint.Value)
	w.line("a=ice-lite")
	if o.trickle {
		w.line("a=ice-options:trickle")
	}
	if o.mixed {
		w.line("a=extmap-allow-mixed")
	}
	w.line("a=msid-semantic:WMS *")
	if len(o.Bundle) > 0 {
		w.b.WriteString("a=group:BUNDLE")
		for i := range o.Lines {
			if !o.Lines[i].Rejected {
				w.b.WriteString(" " + o.Lines[i].Mid)
			}
		}
		w.line()
	}
	first := true
	for i := range o.Lines {
		l := &o.Lines[i]
		if l.Rejected {
			w.rejected(l)
			continue
		}
		w.media(l, &a)
		if first {
			w.candidates(a.Candidates)
			first = false
		}
	}
	return w.b.String()
}

// writer puts SDP together.
type writer struct{ b strings.Builder }

// line writes strings and numbers as one line.
func (w *writer) line(parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			w.b.WriteString(p)
		case uint8:
			w.b.WriteString(strconv.Itoa(int(p)))
		case uint32:
			w.b.WriteString(strconv.FormatUint(uint64(p), 10))
		case uint64:
			w.b.WriteString(strconv.FormatUint(p, 10))
		default:
			fmt.Fprint(&w.b, p)
		}
	}
	w.b.WriteString("\r\n")
}

// rejected answers a line that is not used and never will be (RFC 8829 §5.3.1).
func (w *writer) rejected(l *Line) {
	types := "0"
	if len(l.types) > 0 {
		types = l.types[0]
	}
	w.line("m=", l.media, " 0 ", l.protocol, " ", types)
	w.line("c=IN IP4 0.0.0.0")
	w.line("a=mid:", l.Mid)
	w.line("a=inactive")
}

// media answers a line.
func (w *writer) media(l *Line, a *Answer) {
	w.b.WriteString("m=" + l.media + " 9 " + l.protocol)
	for _, f := range l.Formats {
		w.b.WriteString(" " + strconv.Itoa(int(f.Type)))
		if f.RTX != 0 {
			w.b.WriteString(" " + strconv.Itoa(int(f.RTX)))
		}
	}
	w.line()
	w.line("c=IN IP4 0.0.0.0")
	w.line("a=mid:", l.Mid)
	w.line("a=ice-ufrag:", a.Ufrag)
	w.line("a=ice-pwd:", a.Pwd)
	if a.Active {
		w.line("a=setup:active")
	} else {
		w.line("a=setup:passive")
	}
	w.line("a=rtcp-mux")
	if l.ReducedSize {
		w.line("a=rtcp-rsize")
	}
	for _, f := range l.Formats {
		w.format(f)
	}
	if l.mixed {
		w.line("a=extmap-allow-mixed")
	}
	for _, e := range l.Extensions {
		if e.direction != "" {
			w.line("a=extmap:", e.ID, "/", e.direction, " ", e.URI)
		} else {
			w.line("a=extmap:", e.ID, " ", e.URI)
		}
	}
	switch l.Use {
	case Off:
		w.line("a=inactive")
	case Publish:
		w.line("a=recvonly")
		w.simulcast(l)
	case Receive:
		w.line("a=sendonly")
		w.slot(a.Slot(l.Mid))
	}
}

// format writes one codec and its retransmissions.
func (w *writer) format(f Format) {
	w.line("a=rtpmap:", f.Type, " ", f.name)
	if f.settings != "" {
		w.line("a=fmtp:", f.Type, " ", f.settings)
	}
	for _, fb := range [...]struct {
		bit  Feedback
		name string
	}{{FIR, "ccm fir"}, {NACK, "nack"}, {PLI, "nack pli"}, {TransportCC, "transport-cc"}} {
		if f.Feedback&fb.bit != 0 {
			w.line("a=rtcp-fb:", f.Type, " ", fb.name)
		}
	}
	if f.RTX != 0 {
		w.line("a=rtpmap:", f.RTX, " rtx/90000")
		w.line("a=fmtp:", f.RTX, " apt=", f.Type)
	}
}

// simulcast accepts the layers (RFC 8853 §5.3).
func (w *writer) simulcast(l *Line) {
	for _, rid := range l.RIDs {
		w.line("a=rid:", rid, " recv")
	}
	if l.simulcast && len(l.RIDs) > 0 {
		w.line("a=simulcast:recv ", strings.Join(l.RIDs, ";"))
	}
}

// slot announces what we send.
func (w *writer) slot(s Slot) {
	w.line("a=msid:", s.ID, " ", s.ID)
	if s.RTX != 0 {
		w.line("a=ssrc-group:FID ", s.SSRC, " ", s.RTX)
	}
	for _, ssrc := range [...]uint32{s.SSRC, s.RTX} {
		if ssrc != 0 {
			w.line("a=ssrc:", ssrc, " cname:", s.ID)
		}
	}
}

func (w *writer) candidates(list []string) {
	for _, c := range list {
		w.line("a=candidate:", c)
	}
	w.line("a=end-of-candidates")
}
