package sfu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// line is one m-line of an offer, as far as it matters here.
type line struct {
	mid    string
	kind   track.Kind
	use    use
	source track.Source // when published
	rids   []string     // of a simulcast, in SDP order
}

// use is what the client does with an m-line.
type use uint8

const (
	off use = iota
	publish
	receive
)

// offer is what matters here of a client's SDP.
type offer struct {
	lines []line
	ufrag string // names the ICE generation
}

// limits bounds what an offer may ask for.
type limits struct {
	audioSlots, videoSlots int
}

// parseOffer reads an offer and checks it. Every error wraps ErrBadOffer and
// says what to change.
func parseOffer(text string, tracks map[string]track.Source, lim limits) (offer, error) {
	var o offer
	if len(text) > MaxSDP {
		return o, fmt.Errorf("%w: %d bytes of SDP, at most %d", ErrBadOffer, len(text), MaxSDP)
	}
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		return o, fmt.Errorf("%w: read SDP: %w", ErrBadOffer, err)
	}
	if len(desc.MediaDescriptions) == 0 || len(desc.MediaDescriptions) > MaxLines {
		return o, fmt.Errorf("%w: %d m-lines, between 1 and %d are possible", ErrBadOffer, len(desc.MediaDescriptions), MaxLines)
	}
	for i, m := range desc.MediaDescriptions {
		l, err := parseLine(m, tracks)
		if err != nil {
			return o, fmt.Errorf("%w: m-line %d: %w", ErrBadOffer, i, err)
		}
		if slices.ContainsFunc(o.lines, func(other line) bool { return other.mid == l.mid }) {
			return o, fmt.Errorf("%w: m-line %d: mid %q is taken", ErrBadOffer, i, l.mid)
		}
		o.lines = append(o.lines, l)
	}
	for _, need := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
		v := attribute(&desc, need)
		if v == "" {
			return o, fmt.Errorf("%w: no %s", ErrBadOffer, need)
		}
		if need == "ice-ufrag" {
			o.ufrag = v
		}
		if need == "fingerprint" && len(strings.Fields(v)) != 2 {
			return o, fmt.Errorf("%w: fingerprint %q is not an algorithm and a value", ErrBadOffer, v)
		}
	}
	return o, checkLines(o.lines, lim)
}

// attribute returns the first value of a session or media attribute.
func attribute(desc *sdp.SessionDescription, key string) string {
	if v, ok := desc.Attribute(key); ok {
		return v
	}
	for _, m := range desc.MediaDescriptions {
		if v, ok := m.Attribute(key); ok {
			return v
		}
	}
	return ""
}

// parseLine reads one m-line.
func parseLine(m *sdp.MediaDescription, tracks map[string]track.Source) (line, error) {
	var l line
	switch m.MediaName.Media {
	case "audio":
		l.kind = track.Audio
	case "video":
		l.kind = track.Video
	default:
		return l, fmt.Errorf("%q is not supported, only audio and video", m.MediaName.Media)
	}
	l.mid, _ = m.Attribute(sdp.AttrKeyMID)
	if l.mid == "" || len(l.mid) > 32 {
		return l, fmt.Errorf("mid %q: one of 1 to 32 characters is needed", l.mid)
	}
	_, bundled := m.Attribute("bundle-only")
	switch {
	case has(m, sdp.AttrKeyInactive) || (m.MediaName.Port.Value == 0 && !bundled):
		return l, nil
	case has(m, sdp.AttrKeyRecvOnly):
		l.use = receive
	case has(m, sdp.AttrKeySendOnly):
		l.use = publish
		if err := parsePublished(m, &l, tracks); err != nil {
			return l, err
		}
	default:
		return l, fmt.Errorf("mid %q is sendrecv: publish on sendonly and receive on recvonly m-lines", l.mid)
	}
	if !hasCodec(m, l.kind) {
		return l, fmt.Errorf("mid %q has no codec in common with us: VP8, H.264 (constrained baseline, packetization-mode 1) or Opus", l.mid)
	}
	return l, nil
}

func has(m *sdp.MediaDescription, key string) bool {
	_, ok := m.Attribute(key)
	return ok
}

// parsePublished reads what is special to sendonly m-lines.
func parsePublished(m *sdp.MediaDescription, l *line, tracks map[string]track.Source) error {
	l.source = tracks[l.mid]
	kind, ok := l.source.Kind()
	if !ok {
		return fmt.Errorf("mid %q is sent, but tracks names no source for it", l.mid)
	}
	if kind != l.kind {
		return fmt.Errorf("mid %q is %v and cannot be a %s", l.mid, l.kind, l.source)
	}
	for _, a := range m.Attributes {
		if a.Key != "rid" {
			continue
		}
		id, rest, _ := strings.Cut(a.Value, " ")
		if !strings.HasPrefix(rest, "send") {
			continue
		}
		if id == "" || len(id) > 16 || slices.Contains(l.rids, id) {
			return fmt.Errorf("mid %q: bad rid %q", l.mid, id)
		}
		l.rids = append(l.rids, id)
	}
	if len(l.rids) > forward.MaxLayers {
		return fmt.Errorf("mid %q has %d simulcast layers, at most %d are possible", l.mid, len(l.rids), forward.MaxLayers)
	}
	return nil
}

// hasCodec tells whether an m-line names a codec that we take.
func hasCodec(m *sdp.MediaDescription, kind track.Kind) bool {
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		_, name, _ := strings.Cut(a.Value, " ")
		name, _, _ = strings.Cut(name, "/")
		c, ok := packet.CodecFromMIME(kind.String() + "/" + name)
		if ok && (c == packet.Opus || c == packet.VP8 || c == packet.H264) {
			return true
		}
	}
	return false
}

// checkLines holds an offer against the limits.
func checkLines(lines []line, lim limits) error {
	var published, audio, video int
	sources := make(map[track.Source]bool)
	for _, l := range lines {
		switch {
		case l.use == publish:
			if sources[l.source] {
				return fmt.Errorf("%w: two m-lines are the %s", ErrBadOffer, l.source)
			}
			sources[l.source] = true
			published++
		case l.use == receive && l.kind == track.Audio:
			audio++
		case l.use == receive:
			video++
		}
	}
	switch {
	case published > MaxTracks:
		return fmt.Errorf("%w: %d tracks, at most %d may be published", ErrBadOffer, published, MaxTracks)
	case audio > lim.audioSlots:
		return fmt.Errorf("%w: %d recvonly audio m-lines, at most %d are possible", ErrBadOffer, audio, lim.audioSlots)
	case video > lim.videoSlots:
		return fmt.Errorf("%w: %d recvonly video m-lines, at most %d are possible", ErrBadOffer, video, lim.videoSlots)
	}
	return nil
}
