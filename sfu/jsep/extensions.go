package jsep

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// known lists the header extensions of a kind. All of them are answered on every
// line, although slots use few: what an answer leaves out of a recvonly m-line,
// Chromium does not offer any more on m-lines that it sends on later.
func known(kind track.Kind, uri string) bool {
	switch uri {
	case sdp.TransportCCURI, sdp.SDESMidURI:
		return true
	case sdp.AudioLevelURI:
		return kind == track.Audio
	case sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI, packet.DependencyDescriptorURI:
		return kind == track.Video
	}
	return false
}

// addExtension reads the value of an extmap attribute (RFC 8285 §8).
func (l *Line) addExtension(value string) {
	fields := strings.Fields(value)
	if len(fields) < 2 || !known(l.Kind, fields[1]) || l.ID(fields[1]) != 0 {
		return
	}
	number, direction, _ := strings.Cut(fields[0], "/")
	id, err := strconv.ParseUint(number, 10, 8)
	if err != nil || id == 0 || id == 15 {
		return
	}
	l.Extensions = append(l.Extensions, Extension{ID: uint8(id), URI: fields[1], direction: mirrored(direction)})
}

// mirrored is a direction as the other side sees it.
func mirrored(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	case "inactive":
		return "inactive"
	}
	return ""
}

// routing finds the ids by which packets of all lines are told apart. Bundled
// lines must agree on them (RFC 8843 §7.2).
func (o *Offer) routing() error {
	uris := make(map[uint8]string)
	for i := range o.Lines {
		for _, e := range o.Lines[i].Extensions {
			if uri, taken := uris[e.ID]; taken && uri != e.URI {
				return fmt.Errorf("header extension %d is both %q and %q", e.ID, uri, e.URI)
			}
			uris[e.ID] = e.URI
			var at *uint8
			switch e.URI {
			case sdp.TransportCCURI:
				at = &o.Routing.TransportCC
			case sdp.SDESMidURI:
				at = &o.Routing.Mid
			case sdp.SDESRTPStreamIDURI:
				at = &o.Routing.RID
			case sdp.SDESRepairRTPStreamIDURI:
				at = &o.Routing.RepairedRID
			default:
				continue
			}
			if *at != 0 && *at != e.ID {
				return fmt.Errorf("header extension %q is both %d and %d", e.URI, *at, e.ID)
			}
			*at = e.ID
		}
	}
	return nil
}
