package whip

import (
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
)

// offer is a client's offer as the peer gets it.
type offer struct {
	desc sdp.SessionDescription
	// tracks maps the mid of each m-line that publishes to its source.
	tracks map[string]track.Source
}

// sources say what an encoder's m-lines show.
type sources struct{ audio, video track.Source }

// sourcesOf reads ?source=: a camera with microphone, or a screen with its sound.
func sourcesOf(name string) (sources, error) {
	switch name {
	case "", "camera":
		return sources{track.Microphone, track.Camera}, nil
	case "screen":
		return sources{track.ScreenAudio, track.Screen}, nil
	}
	return sources{}, malformed("source is camera or screen.")
}

// parseOffer reads an offer.
func parseOffer(text string) (*offer, error) {
	o := &offer{}
	if err := o.desc.UnmarshalString(text); err != nil || len(o.desc.MediaDescriptions) == 0 {
		return nil, malformed("The body is no SDP offer.")
	}
	return o, nil
}

// aim makes every m-line of one direction and names what it publishes. A client
// may offer sendrecv where it means sendonly or recvonly (RFC 9725 §4.2).
func (o *offer) aim(direction string, from sources) error {
	o.tracks = make(map[string]track.Source)
	seen := make(map[string]bool)
	var mids []string
	for _, m := range o.desc.MediaDescriptions {
		kind := m.MediaName.Media
		if kind != "audio" && kind != "video" {
			return badOffer("Offer audio and video only; " + quoted(kind) + " is neither.")
		}
		if refused(m) {
			continue
		}
		if seen[kind] {
			return badOffer("Offer one audio and one video m-line at most.")
		}
		seen[kind] = true
		if err := turn(m, direction); err != nil {
			return err
		}
		mid, ok := m.Attribute(sdp.AttrKeyMID)
		if !ok {
			return badOffer("Every m-line needs a mid: use BUNDLE.")
		}
		mids = append(mids, mid)
		if direction != sdp.AttrKeySendOnly {
			continue
		}
		if o.tracks[mid] = from.audio; kind == "video" {
			o.tracks[mid] = from.video
		}
	}
	if len(seen) == 0 {
		return badOffer("The offer has no m-line in use.")
	}
	o.bundle(mids)
	return nil
}

// bundle groups the m-lines in use (RFC 9725 §4.4.1 wants max-bundle): ffmpeg names
// two in the group also when it sends one.
func (o *offer) bundle(mids []string) {
	group := "BUNDLE " + strings.Join(mids, " ")
	for i, a := range o.desc.Attributes {
		if a.Key == sdp.AttrKeyGroup && strings.HasPrefix(a.Value, "BUNDLE") {
			o.desc.Attributes[i].Value = group
			return
		}
	}
	o.desc.Attributes = append(o.desc.Attributes, sdp.NewAttribute(sdp.AttrKeyGroup, group))
}

// refused tells whether an m-line is switched off (RFC 3264 §6).
func refused(m *sdp.MediaDescription) bool {
	_, bundled := m.Attribute("bundle-only")
	_, inactive := m.Attribute(sdp.AttrKeyInactive)
	return inactive || m.MediaName.Port.Value == 0 && !bundled
}

// turn makes an m-line of a direction.
func turn(m *sdp.MediaDescription, direction string) error {
	opposite := sdp.AttrKeyRecvOnly
	if direction == sdp.AttrKeyRecvOnly {
		opposite = sdp.AttrKeySendOnly
	}
	kept := m.Attributes[:0]
	for _, a := range m.Attributes {
		switch a.Key {
		case opposite:
			return badOffer("An m-line is " + opposite + ": this address takes " + direction + ".")
		case sdp.AttrKeySendRecv, direction:
		default:
			kept = append(kept, a)
		}
	}
	m.Attributes = append(kept, sdp.NewPropertyAttribute(direction))
	return nil
}

// text writes the offer.
func (o *offer) text() (string, error) {
	b, err := o.desc.Marshal()
	if err != nil {
		return "", malformed("The offer cannot be used.")
	}
	return string(b), nil
}

// ufrag names the client's ICE generation.
func (o *offer) ufrag() string { return attribute(&o.desc, "ice-ufrag") }

// restarted returns the offer with other ICE credentials and no candidates, which
// is what a restart is to the peer.
func (o *offer) restarted(ufrag, pwd string) *offer {
	again := &offer{desc: o.desc, tracks: o.tracks}
	change := func(list []sdp.Attribute) []sdp.Attribute {
		var out []sdp.Attribute
		for _, a := range list {
			switch a.Key {
			case "ice-ufrag":
				a.Value = ufrag
			case "ice-pwd":
				a.Value = pwd
			case "candidate", "end-of-candidates":
				continue
			}
			out = append(out, a)
		}
		return out
	}
	again.desc.Origin.SessionVersion++
	again.desc.Attributes = change(o.desc.Attributes)
	again.desc.MediaDescriptions = nil
	for _, m := range o.desc.MediaDescriptions {
		copied := *m
		copied.Attributes = change(m.Attributes)
		again.desc.MediaDescriptions = append(again.desc.MediaDescriptions, &copied)
	}
	return again
}

// attribute returns the first value of a session or media attribute.
func attribute(desc *sdp.SessionDescription, key string) string {
	if v, ok := desc.Attribute(key); ok {
		return strings.TrimSpace(v)
	}
	for _, m := range desc.MediaDescriptions {
		if v, ok := m.Attribute(key); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
