package jsep

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
)

// Limits bounds what an offer may ask for.
type Limits struct {
	// AudioSlots and VideoSlots are how many lines the client may receive on.
	AudioSlots, VideoSlots int
}

// Parse reads an offer and checks it; the error says what to change. tracks says
// what each sent m-line shows, by mid. When it is nil the client has no way of
// telling: then its first audio line is the microphone and its first video line
// the camera, the second ones are the screen's.
func Parse(text string, tracks map[string]track.Source, lim Limits) (*Offer, error) {
	if len(text) > MaxSDP {
		return nil, fmt.Errorf("%d bytes of SDP, at most %d", len(text), MaxSDP)
	}
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("read SDP: %w", err)
	}
	if n := len(desc.MediaDescriptions); n == 0 || n > MaxLines {
		return nil, fmt.Errorf("%d m-lines, between 1 and %d are possible", n, MaxLines)
	}
	o := &Offer{Lines: make([]Line, 0, len(desc.MediaDescriptions))}
	named := names{tracks: tracks}
	for i, m := range desc.MediaDescriptions {
		l, err := parseLine(m, &named)
		if err != nil {
			return nil, fmt.Errorf("m-line %d: %w", i, err)
		}
		if slices.ContainsFunc(o.Lines, func(other Line) bool { return other.Mid == l.Mid }) {
			return nil, fmt.Errorf("m-line %d: mid %q is taken", i, l.Mid)
		}
		o.Lines = append(o.Lines, l)
	}
	if err := o.session(&desc); err != nil {
		return nil, err
	}
	if err := o.routing(); err != nil {
		return nil, err
	}
	return o, o.check(lim)
}

// session reads what holds for the whole session: the bundle and its transport.
func (o *Offer) session(desc *sdp.SessionDescription) error {
	tagged, err := o.bundle(desc)
	if err != nil {
		return err
	}
	candidates := 0
	for _, m := range desc.MediaDescriptions {
		o.trickle = o.trickle || offersTrickle(m.Attribute("ice-options"))
		for _, a := range m.Attributes {
			if a.Key != "candidate" {
				continue
			}
			if candidates++; candidates > MaxCandidates {
				return fmt.Errorf("more than %d candidates", MaxCandidates)
			}
			if err := CheckCandidate(a.Value); err != nil {
				return err
			}
		}
	}
	o.trickle = o.trickle || offersTrickle(desc.Attribute("ice-options"))
	_, o.mixed = desc.Attribute(sdp.AttrKeyExtMapAllowMixed)
	for i := range o.Lines {
		o.Lines[i].Mixed = o.mixed || o.Lines[i].mixed
	}
	return o.readTransport(desc, desc.MediaDescriptions[tagged])
}

func offersTrickle(options string, _ bool) bool {
	return slices.Contains(strings.Fields(options), "trickle")
}

// bundle reads the BUNDLE group (RFC 8843) and returns the index of the m-line
// whose transport counts. Every line that is used must be in it.
func (o *Offer) bundle(desc *sdp.SessionDescription) (tagged int, err error) {
	for _, a := range desc.Attributes {
		if f := strings.Fields(a.Value); a.Key == sdp.AttrKeyGroup && len(f) > 0 && f[0] == "BUNDLE" && o.Bundle == nil {
			o.Bundle = f[1:]
		}
	}
	if len(o.Bundle) == 0 && len(o.Lines) == 1 {
		return 0, nil
	}
	tagged = -1
	for i, l := range o.Lines {
		in := slices.Contains(o.Bundle, l.Mid)
		if l.Use != Off && !in {
			return 0, fmt.Errorf("mid %q is not in the BUNDLE group: all media shares one transport", l.Mid)
		}
		o.Lines[i].Rejected = l.Rejected || !in
		if in && !l.Rejected && tagged < 0 {
			tagged = i
		}
	}
	return max(tagged, 0), nil
}

// readTransport reads ICE and DTLS parameters, those of the m-line before those of
// the session.
func (o *Offer) readTransport(desc *sdp.SessionDescription, m *sdp.MediaDescription) error {
	get := func(key string) string {
		if v, ok := m.Attribute(key); ok {
			return v
		}
		v, _ := desc.Attribute(key)
		return v
	}
	o.Ufrag, o.Pwd = get("ice-ufrag"), get("ice-pwd")
	// RFC 8839 §5.4.
	if !iceChars(o.Ufrag, 4, 256) {
		return fmt.Errorf("no ice-ufrag of 4 to 256 characters: %q", o.Ufrag)
	}
	if !iceChars(o.Pwd, 22, 256) {
		return errors.New("no ice-pwd of 22 to 256 characters")
	}
	for _, attributes := range [][]sdp.Attribute{m.Attributes, desc.Attributes} {
		for _, a := range attributes {
			if a.Key != "fingerprint" || len(o.Fingerprints) == maxFingerprints {
				continue
			}
			f, err := parseFingerprint(a.Value)
			if err != nil {
				return err
			}
			o.Fingerprints = append(o.Fingerprints, f)
		}
		if len(o.Fingerprints) > 0 {
			break
		}
	}
	if len(o.Fingerprints) == 0 {
		return errors.New("no fingerprint")
	}
	switch s := get("setup"); s {
	case "actpass", "":
		o.Setup = ActPass
	case "active":
		o.Setup = Active
	case "passive":
		o.Setup = Passive
	default:
		return fmt.Errorf("setup %q: actpass, active or passive is needed", s)
	}
	return nil
}

// maxFingerprints is how many digests of its certificate a client may name.
const maxFingerprints = 4

// parseFingerprint reads "sha-256 AB:CD:…" (RFC 8122 §5).
func parseFingerprint(value string) (Fingerprint, error) {
	f := strings.Fields(value)
	if len(f) != 2 {
		return Fingerprint{}, fmt.Errorf("fingerprint %q is not an algorithm and a value", value)
	}
	digest, err := hex.DecodeString(strings.ReplaceAll(f[1], ":", ""))
	if err != nil || len(digest) < 2 || len(digest) > 64 {
		return Fingerprint{}, fmt.Errorf("fingerprint %q is no digest", value)
	}
	return Fingerprint{Algorithm: strings.ToLower(f[0]), Value: f[1]}, nil
}

// names gives sources to sent lines.
type names struct {
	tracks       map[string]track.Source
	audio, video int
}

// of returns the source of a line; for clients that name none, by its kind.
func (n *names) of(mid string, kind track.Kind) (track.Source, error) {
	if n.tracks != nil {
		s := n.tracks[mid]
		k, ok := s.Kind()
		if !ok {
			return "", fmt.Errorf("mid %q is sent, but tracks names no source for it", mid)
		}
		if k != kind {
			return "", fmt.Errorf("mid %q is %v and cannot be a %s", mid, kind, s)
		}
		return s, nil
	}
	sources, i := [...]track.Source{track.Camera, track.Screen}, &n.video
	if kind == track.Audio {
		sources, i = [...]track.Source{track.Microphone, track.ScreenAudio}, &n.audio
	}
	if *i == len(sources) {
		return "", fmt.Errorf("mid %q: more than %d lines of %v", mid, len(sources), kind)
	}
	*i++
	return sources[*i-1], nil
}

// check holds an offer against the limits.
func (o *Offer) check(lim Limits) error {
	var published, audio, video int
	sources := make(map[track.Source]bool)
	for _, l := range o.Lines {
		switch {
		case l.Use == Publish:
			if sources[l.Source] {
				return fmt.Errorf("two m-lines are the %s", l.Source)
			}
			sources[l.Source] = true
			published++
		case l.Use == Receive && l.Kind == track.Audio:
			audio++
		case l.Use == Receive:
			video++
		}
	}
	switch {
	case published > MaxTracks:
		return fmt.Errorf("%d tracks, at most %d may be published", published, MaxTracks)
	case audio > lim.AudioSlots:
		return fmt.Errorf("%d recvonly audio m-lines, at most %d are possible", audio, lim.AudioSlots)
	case video > lim.VideoSlots:
		return fmt.Errorf("%d recvonly video m-lines, at most %d are possible", video, lim.VideoSlots)
	}
	return nil
}

// parseSSRC reads a decimal SSRC, 0 when it is none.
func parseSSRC(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
