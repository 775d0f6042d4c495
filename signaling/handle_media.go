package signaling

import (
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// errBusy: offers or candidates come faster than they can be handled.
var errBusy = NewError(KindRate, "Too many offers or candidates wait to be handled.", nil)

// handleOffer queues an offer for the negotiation.
func handleOffer(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.Offer)
	if m.SDP == "" {
		return nil, userError("The offer has no SDP.")
	}
	tracks, err := trackLines(m.Tracks)
	if err != nil {
		return nil, err
	}
	return later, s.enqueue(job{id: rq.ID, sdp: m.SDP, tracks: tracks})
}

// trackLines checks which m-lines publish what: each mid and each source once.
func trackLines(lines []wire.TrackLine) (map[string]track.Source, error) {
	if len(lines) > maxLines {
		return nil, userError("An offer publishes at most %d tracks.", maxLines)
	}
	tracks := make(map[string]track.Source, len(lines))
	seen := make(map[track.Source]bool, len(lines))
	for _, l := range lines {
		source := track.Source(l.Source)
		if _, known := source.Kind(); !known {
			return nil, userError("There is no source of this name.")
		}
		if _, twice := tracks[l.Mid]; twice || seen[source] || l.Mid == "" || len(l.Mid) > maxMid {
			return nil, userError("Every m-line and every source may be named once.")
		}
		tracks[l.Mid], seen[source] = source, true
	}
	return tracks, nil
}

// handleCandidate queues a candidate for the negotiation.
func handleCandidate(s *session, rq request) (reply, error) {
	return nil, s.enqueue(job{candidate: rq.msg.(*wire.Candidate)})
}

func (s *session) enqueue(j job) error {
	select {
	case s.jobs <- j:
		return nil
	default:
		return errBusy
	}
}

// handleView says what the page wants to see.
func handleView(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.View)
	if len(m.Want) > maxWant {
		return nil, userError("A view wants at most %d pictures.", maxWant)
	}
	view := room.View{Fill: m.Fill, Want: make([]room.Want, len(m.Want))}
	for i, w := range m.Want {
		source := track.Source(w.Source)
		if kind, known := source.Kind(); !known || kind != track.Video {
			return nil, userError("A view wants cameras and screens.")
		}
		if w.Width < 0 || w.Height < 0 {
			return nil, userError("A picture cannot be smaller than nothing.")
		}
		view.Want[i] = room.Want{Member: track.MemberID(w.Participant), Source: source,
			Size: track.Size{Width: min(w.Width, maxPixels), Height: min(w.Height, maxPixels)}}
	}
	s.member.SetView(view)
	return nil, nil
}

// handleMute tells that the page switched one of its sources off or on.
func handleMute(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.Mute)
	source := track.Source(m.Source)
	if _, known := source.Kind(); !known {
		return nil, userError("There is no source of this name.")
	}
	s.member.SetMuted(source, m.Muted)
	return nil, nil
}
