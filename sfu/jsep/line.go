package jsep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/track"
)

// parseLine reads one m-line.
func parseLine(m *sdp.MediaDescription, named *names) (Line, error) {
	l := Line{media: m.MediaName.Media, protocol: strings.Join(m.MediaName.Protos, "/"), types: m.MediaName.Formats}
	switch l.media {
	case "audio":
		l.Kind = track.Audio
	case "video":
		l.Kind = track.Video
	default:
		return l, fmt.Errorf("%q is not supported, only audio and video", l.media)
	}
	if !strings.HasSuffix(l.protocol, "RTP/SAVPF") && !strings.HasSuffix(l.protocol, "RTP/SAVP") {
		return l, fmt.Errorf("%q is not RTP over DTLS", l.protocol)
	}
	l.Mid, _ = m.Attribute(sdp.AttrKeyMID)
	if !token(l.Mid, 32) {
		return l, fmt.Errorf("mid %q: one of 1 to 32 characters is needed", l.Mid)
	}
	_, bundled := m.Attribute("bundle-only")
	l.Rejected = m.MediaName.Port.Value == 0 && !bundled
	if err := l.direct(m, named); err != nil {
		return l, err
	}
	l.readFormats(m)
	l.readAttributes(m)
	switch {
	case l.Use == Off:
		l.Rejected = l.Rejected || len(l.Formats) == 0
		return l, nil
	case len(l.Formats) == 0:
		return l, fmt.Errorf("mid %q has no codec in common with us: Opus, VP8, H.264 (constrained baseline, packetization-mode 1), VP9 (profile 0) or AV1 (main)", l.Mid)
	case !l.mux:
		return l, fmt.Errorf("mid %q has no rtcp-mux: RTP and RTCP share one transport", l.Mid)
	case l.Use == Publish:
		return l, l.readPublished(m)
	}
	return l, nil
}

// direct reads the direction. A line in both directions counts as sent when the
// client said what it shows, as WHIP encoders do that never stop to offer it.
func (l *Line) direct(m *sdp.MediaDescription, named *names) (err error) {
	switch {
	case l.Rejected || has(m, sdp.AttrKeyInactive):
		return nil
	case has(m, sdp.AttrKeyRecvOnly):
		l.Use = Receive
		return nil
	case !has(m, sdp.AttrKeySendOnly) && named.tracks != nil && named.tracks[l.Mid] == "":
		return fmt.Errorf("mid %q is sendrecv: publish on sendonly and receive on recvonly m-lines", l.Mid)
	}
	l.Use = Publish
	l.Source, err = named.of(l.Mid, l.Kind)
	return err
}

// readAttributes reads what all uses have in common.
func (l *Line) readAttributes(m *sdp.MediaDescription) {
	for _, a := range m.Attributes {
		switch a.Key {
		case sdp.AttrKeyExtMap:
			l.addExtension(a.Value)
		case sdp.AttrKeyRTCPMux:
			l.mux = true
		case sdp.AttrKeyRTCPRsize:
			l.ReducedSize = true
		case sdp.AttrKeyExtMapAllowMixed:
			l.mixed = true
		}
	}
}

// readPublished reads what is special to lines that the client sends on.
func (l *Line) readPublished(m *sdp.MediaDescription) error {
	var first uint32
	for _, a := range m.Attributes {
		switch a.Key {
		case "rid":
			if err := l.addRID(a.Value); err != nil {
				return err
			}
		case "simulcast":
			l.simulcast = true
		case "ssrc":
			id, _, _ := strings.Cut(a.Value, " ")
			if first == 0 {
				first = parseSSRC(id)
			}
		case "ssrc-group":
			if f := strings.Fields(a.Value); len(f) == 3 && f[0] == "FID" && l.RTX == 0 {
				l.SSRC, l.RTX = parseSSRC(f[1]), parseSSRC(f[2])
			}
		}
	}
	if l.SSRC == 0 {
		l.SSRC, l.RTX = first, 0
	}
	switch {
	case len(l.RIDs) > forward.MaxLayers:
		return fmt.Errorf("mid %q has %d simulcast layers, at most %d are possible", l.Mid, len(l.RIDs), forward.MaxLayers)
	case l.SSRC != 0 && l.SSRC == l.RTX:
		return errors.New("a stream cannot be its own retransmission")
	case len(l.RIDs) > 0:
		l.SSRC, l.RTX = 0, 0 // layers are told apart by their names
	}
	return nil
}

// addRID takes one simulcast layer (RFC 8851).
func (l *Line) addRID(value string) error {
	id, rest, _ := strings.Cut(value, " ")
	if !strings.HasPrefix(rest, "send") {
		return nil
	}
	if !token(id, 16) || strings.ContainsAny(id, ";,~") || slices.Contains(l.RIDs, id) {
		return fmt.Errorf("mid %q: bad rid %q", l.Mid, id)
	}
	l.RIDs = append(l.RIDs, id)
	return nil
}

func has(m *sdp.MediaDescription, key string) bool {
	_, ok := m.Attribute(key)
	return ok
}

// token tells whether s is a word of 1 to longest visible ASCII characters.
func token(s string, longest int) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range s {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
