package sfu

import (
	"encoding/binary"
	"time"

	"github.com/meetcast/meetcast/sfu/forward"
)

// RTP takes a packet of the client: transport.Handler.
func (c handler) RTP(b []byte, now time.Time) { c.p.route(b, now) }

// route hands a packet to the layer that it belongs to. Who it belongs to is told
// by its SSRC, once that is known from the offer or from a packet that bore mid and
// rid (RFC 8843 §9.2, RFC 8852).
func (p *Peer) route(b []byte, now time.Time) {
	var in incoming
	w := p.wired.Load()
	if !in.scan(b, w.routing) {
		p.unrouted.Add(1)
		return
	}
	if in.hasTWCC {
		p.arrivals.arrived(in.ssrc, in.twcc, now)
	}
	s := p.streams.Load().find(in.ssrc)
	if s == nil {
		if s = p.learn(&in, w); s == nil {
			p.unrouted.Add(1)
			return
		}
	}
	if s.rtx {
		p.repaired(s, &in, now)
		return
	}
	s.receive(&in, now)
}

// learn finds out where a packet with an unknown SSRC belongs.
func (p *Peer) learn(in *incoming, w *wiring) *stream {
	pub := w.owner(in)
	if pub == nil {
		return nil
	}
	_, rtx, ok := pub.line.Format(in.payloadType)
	if !ok {
		return nil
	}
	rid := in.rid
	if rtx && in.repairedID != nil {
		rid = in.repairedID
	}
	if !pub.hasLayer(string(rid)) {
		return nil
	}
	s := newStream(in.ssrc, pub, string(rid), rtx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wired.Load() != w {
		return nil // a new offer: the next packet will find its way
	}
	p.streams.Store(p.streams.Load().with(s))
	return s
}

// owner finds the publication of a packet: by its mid, by a layer's name that only
// one has, or by a payload type that only one has.
func (w *wiring) owner(in *incoming) *publication {
	var owner *publication
	for _, pub := range w.pubs {
		if in.mid != nil {
			if string(in.mid) == pub.line.Mid {
				return pub
			}
			continue
		}
		name := in.rid
		if name == nil {
			name = in.repairedID
		}
		if _, _, ok := pub.line.Format(in.payloadType); !ok || !pub.hasLayer(string(name)) {
			continue
		}
		if owner != nil {
			return nil
		}
		owner = pub
	}
	return owner
}

// receive takes a packet of a layer.
func (s *stream) receive(in *incoming, now time.Time) {
	s.reception.arrived(in.seq, in.timestamp, now)
	lane := s.lane.Load()
	if lane == nil || s.payloadType.Load() != uint32(in.payloadType) {
		if lane = s.pub.lane(in.payloadType, s.rid, now); lane == nil {
			s.pub.peer.unrouted.Add(1)
			return
		}
		s.lane.Store(lane)
		s.payloadType.Store(uint32(in.payloadType))
	}
	if lane.Receive(in.b, now) && !s.pub.told.Load() {
		s.pub.announce()
	}
}

// repaired unwraps a retransmission (RFC 4588 §4): the packet as it was sent first,
// its sequence number ahead of its payload.
func (p *Peer) repaired(s *stream, in *incoming, now time.Time) {
	if in.end-in.payload < 2 {
		return // a probe
	}
	of := p.streams.Load().layer(s.pub, s.rid, false)
	f, rtx, ok := s.pub.line.Format(in.payloadType)
	if of == nil || !ok || !rtx || in.end > forward.MTU {
		p.unrouted.Add(1)
		return
	}
	if p.unwrapped == nil {
		p.unwrapped = make([]byte, forward.MTU)
	}
	b := p.unwrapped
	n := copy(b, in.b[:in.payload])
	n += copy(b[n:], in.b[in.payload+2:in.end])
	b[0] &^= 0x20 // the padding stays behind
	b[1] = b[1]&0x80 | f.Type
	copy(b[2:4], in.b[in.payload:])
	binary.BigEndian.PutUint32(b[8:], of.ssrc)
	if lane := of.lane.Load(); lane != nil {
		lane.Receive(b[:n], now)
	}
}
