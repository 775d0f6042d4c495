package sfu

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/jsep"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// recodeInterval is the shortest time between two changes of a track's codec.
const recodeInterval = time.Second

// publication is one m-line that the client sends on, as long as it shows the same
// in the same codec.
type publication struct {
	// Static after construction.
	peer *Peer
	line jsep.Line
	id   track.TrackID
	made time.Time

	told atomic.Bool // the handler knows, or needs not know any more

	// telling orders what the handler hears; it is taken before mu.
	telling sync.Mutex

	mu        sync.Mutex
	up        *forward.Track // nil before the first packet
	announced bool
	ended     bool
}

// newPublication makes what belongs to an m-line. It needs p.mu.
func (p *Peer) newPublication(l jsep.Line, now time.Time) *publication {
	p.serial++
	return &publication{peer: p, line: l, made: now,
		id: track.TrackID(fmt.Sprintf("%s/%s/%d", p.cfg.Member, l.Source, p.serial))}
}

// same tells whether a line of a later offer goes on with the publication.
func (pub *publication) same(l *jsep.Line) bool {
	return pub.line.Mid == l.Mid && pub.line.Source == l.Source && slices.Equal(pub.line.RIDs, l.RIDs) &&
		sameSet(pub.line.Extensions, l.Extensions) && sameSet(pub.line.Formats, l.Formats)
}

// sameSet tells whether two lists without repetitions hold the same; browsers
// change their order between offers.
func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) })
}

// hasLayer tells whether the line has a layer of that name; without simulcast the
// only layer has none.
func (pub *publication) hasLayer(rid string) bool {
	if len(pub.line.RIDs) == 0 {
		return rid == ""
	}
	return slices.Contains(pub.line.RIDs, rid)
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

// uplink returns the up track, nil before the first packet and after the end.
func (pub *publication) uplink() *forward.Track {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.ended {
		return nil
	}
	return pub.up
}

// lane returns where the packets of a payload type and layer go, and makes the
// track for the first one; nil when they go nowhere.
func (pub *publication) lane(payloadType uint8, rid string, now time.Time) *forward.Lane {
	f, rtx, ok := pub.line.Format(payloadType)
	if !ok || rtx {
		return nil
	}
	codec := f.Codec
	if codec == packet.RED {
		codec = packet.Opus
	}
	pub.mu.Lock()
	if pub.ended {
		pub.mu.Unlock()
		return nil
	}
	if pub.up == nil {
		pub.up = pub.newTrack(codec, f.ClockRate())
	}
	up := pub.up
	pub.mu.Unlock()
	if up.Info().Codec != codec {
		pub.peer.recode(pub, now)
		return nil
	}
	return up.Lane(rid)
}

// newTrack makes the up track.
func (pub *publication) newTrack(codec packet.Codec, rate uint32) *forward.Track {
	types := make(map[uint8]packet.Codec)
	for _, f := range pub.line.Formats {
		if f.Codec == codec || f.Codec == packet.RED {
			types[f.Type] = f.Codec
		}
	}
	return forward.NewTrack(forward.TrackConfig{
		Info: track.Info{ID: pub.id, Member: pub.peer.cfg.Member, Kind: pub.line.Kind, Source: pub.line.Source,
			Codec: codec, ClockRate: rate},
		RIDs: pub.line.RIDs, Types: types, Feedback: pub, WantedChanged: pub.wanted,
		Extensions: packet.Extensions{AudioLevel: pub.line.ID(sdp.AudioLevelURI),
			DependencyDescriptor: pub.line.ID(packet.DependencyDescriptorURI)},
	})
}

// wanted passes on which layers anybody watches.
func (pub *publication) wanted(rids []string) {
	if pub.told.Load() {
		pub.peer.cfg.Handler.LayersWanted(pub.id, rids)
	}
}

// recode ends a publication whose client has gone over to another codec, as
// browsers do when an encoder fails, and begins a new one on the same m-line.
func (p *Peer) recode(old *publication, now time.Time) {
	p.mu.Lock()
	w := p.wired.Load()
	i := slices.Index(w.pubs, old)
	if i < 0 || now.Sub(old.made) < recodeInterval || p.closed.Load() {
		p.mu.Unlock()
		return
	}
	next := *w
	next.pubs = slices.Clone(w.pubs)
	pub := p.newPublication(old.line, now)
	next.pubs[i] = pub
	table := p.streams.Load().of(next.pubs)
	for _, s := range p.streams.Load().all {
		if s.pub == old {
			table = table.with(newStream(s.ssrc, pub, s.rid, s.rtx))
		}
	}
	p.wired.Store(&next)
	p.streams.Store(table)
	p.mu.Unlock()
	old.end()
}

// announce tells the room, once, and never after the track has ended.
func (pub *publication) announce() {
	pub.telling.Lock()
	defer pub.telling.Unlock()
	pub.told.Store(true)
	pub.mu.Lock()
	up := pub.up
	first := !pub.announced && !pub.ended
	pub.announced = pub.announced || first
	pub.mu.Unlock()
	if first {
		pub.peer.log.Debug("published", "track", string(pub.id), "codec", up.Info().Codec.String())
		pub.peer.cfg.Handler.Published(up)
	}
}

// end closes the track.
func (pub *publication) end() {
	pub.telling.Lock()
	defer pub.telling.Unlock()
	pub.mu.Lock()
	up, announced, ended := pub.up, pub.announced, pub.ended
	pub.ended = true
	pub.mu.Unlock()
	if up == nil || ended {
		return
	}
	up.Close()
	pub.peer.totals.up(up.Stats())
	if announced {
		pub.peer.log.Debug("unpublished", "track", string(pub.id))
		pub.peer.cfg.Handler.Unpublished(pub.id)
	}
}
