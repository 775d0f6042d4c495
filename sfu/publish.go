package sfu

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// publication is one sendonly m-line of the client.
type publication struct {
	peer *Peer
	line line
	id   track.TrackID

	// telling orders what the handler hears; it is taken before mu.
	telling sync.Mutex

	mu        sync.Mutex
	up        *forward.Track // nil before the first layer
	announced bool
	ended     bool
}

// track returns the up track once it was announced.
func (pub *publication) track() track.UpTrack {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if !pub.announced || pub.ended {
		return nil
	}
	return pub.up
}

// uplinks returns the tracks that packets have come for.
func (p *Peer) uplinks() []*forward.Track {
	p.mu.Lock()
	defer p.mu.Unlock()
	ups := make([]*forward.Track, 0, len(p.published))
	for _, pub := range p.published {
		pub.mu.Lock()
		if pub.up != nil {
			ups = append(ups, pub.up)
		}
		pub.mu.Unlock()
	}
	return ups
}

// expect notes what the client is about to send.
func (p *Peer) expect(lines []line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		if l.use != publish || p.published[l.mid] != nil {
			continue
		}
		p.serial++
		p.published[l.mid] = &publication{peer: p, line: l,
			id: track.TrackID(fmt.Sprintf("%s/%s/%d", p.cfg.Member, l.source, p.serial))}
	}
}

// unpublish ends a track.
func (p *Peer) unpublish(mid string) {
	p.mu.Lock()
	pub := p.published[mid]
	delete(p.published, mid)
	p.mu.Unlock()
	if pub == nil {
		return
	}
	pub.telling.Lock()
	defer pub.telling.Unlock()
	pub.mu.Lock()
	pub.ended = true
	up, announced := pub.up, pub.announced
	pub.mu.Unlock()
	if up == nil {
		return
	}
	up.Close()
	p.mu.Lock()
	p.gone.up(up)
	p.mu.Unlock()
	if announced {
		p.log.Debug("unpublished", "track", string(pub.id))
		p.cfg.Handler.Unpublished(pub.id)
	}
}

// trackArrived is called by pion, in a goroutine of its own, when the first
// packet of a layer is there.
func (p *Peer) trackArrived(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	t := receiver.RTPTransceiver()
	if t == nil {
		return
	}
	p.mu.Lock()
	pub := p.published[t.Mid()]
	p.mu.Unlock()
	if pub == nil {
		return
	}
	up, lane := pub.lane(remote, receiver)
	if lane == nil {
		return
	}
	// The goroutines must not begin once Close waits for them.
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lifetime.Err() != nil {
		return
	}
	p.wg.Go(func() { pub.readRTP(remote, up, lane) })
	p.wg.Go(func() { readReports(p, remote, receiver, lane) })
}

// lane returns where the packets of a layer go, and makes the track for the
// first layer.
func (pub *publication) lane(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) (*forward.Track, *forward.Lane) {
	codec, ok := codecOf(remote.Codec())
	if !ok {
		return nil, nil
	}
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.ended {
		return nil, nil
	}
	if pub.up == nil {
		pub.up = forward.NewTrack(forward.TrackConfig{
			Info: track.Info{ID: pub.id, Member: pub.peer.cfg.Member, Kind: pub.line.kind, Source: pub.line.source,
				Codec: codec, ClockRate: remote.Codec().ClockRate},
			RIDs: pub.line.rids, Extensions: extensionsOf(receiver), Feedback: publisher{pub.peer},
		})
	}
	if pub.up.Info().Codec != codec {
		return nil, nil
	}
	return pub.up, pub.up.Lane(remote.RID())
}

// extensionsOf returns the ids that a receiver's header extensions have.
func extensionsOf(r *webrtc.RTPReceiver) packet.Extensions {
	var ext packet.Extensions
	for _, e := range r.GetParameters().HeaderExtensions {
		if e.URI == sdp.AudioLevelURI {
			ext.AudioLevel = uint8(e.ID)
		}
	}
	return ext
}

// readRTP carries the packets of one layer until it ends.
func (pub *publication) readRTP(remote *webrtc.TrackRemote, up *forward.Track, lane *forward.Lane) {
	announced := false
	pub.peer.read(remote.Read, func(b []byte) {
		if lane.Receive(b, time.Now()) && !announced {
			announced = true
			pub.announce(up)
		}
	})
}

// announce tells the room, once, and never after the track has ended.
func (pub *publication) announce(up *forward.Track) {
	pub.telling.Lock()
	defer pub.telling.Unlock()
	pub.mu.Lock()
	first := !pub.announced && !pub.ended
	pub.announced = pub.announced || first
	pub.mu.Unlock()
	if first {
		pub.peer.log.Debug("published", "track", string(pub.id), "codec", up.Info().Codec.String())
		pub.peer.cfg.Handler.Published(up)
	}
}

// readReports takes the publisher's sender reports on one layer.
func readReports(p *Peer, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, lane *forward.Lane) {
	read := receiver.Read
	if rid := remote.RID(); rid != "" {
		read = func(b []byte) (int, attributes, error) { return receiver.ReadSimulcast(b, rid) }
	}
	p.readRTCP(read, func(pkt rtcp.Packet, _ time.Time) {
		if sr, ok := pkt.(*rtcp.SenderReport); ok && sr.SSRC == uint32(remote.SSRC()) {
			lane.SenderReport(track.ClockRef{NTP: fromNTP(sr.NTPTime), RTP: sr.RTPTime})
		}
	})
}
