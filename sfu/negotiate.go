package sfu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/sfu/jsep"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/transport"
)

// Answer takes the client's offer, the first one or a later one that adds, ends or
// changes m-lines or restarts ICE, and returns the answer with all candidates.
// tracks says what each sent m-line shows, by mid; nil stands for a client that
// cannot tell (WHIP): its first audio line is the microphone, its first video line
// the camera. An error that wraps ErrBadOffer is the client's fault. Whatever the
// error, everything is as it was, and a later offer may be better.
func (p *Peer) Answer(_ context.Context, sdp string, tracks map[string]track.Source) (string, error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if p.closed.Load() {
		return "", ErrClosed
	}
	o, err := jsep.Parse(sdp, tracks, jsep.Limits{AudioSlots: p.cfg.AudioSlots, VideoSlots: p.cfg.MaxVideoSlots})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	if n := p.fresh(o); p.slotsMade+n > maxSlotsMade {
		return "", fmt.Errorf("%w: more than %d m-lines were new: connect anew", ErrBadOffer, maxSlotsMade)
	}
	local, err := p.connect(o)
	if err != nil {
		return "", err
	}
	slots := p.adopt(o)
	p.loop.hurry(p)
	p.version++
	return jsep.Write(o, jsep.Answer{
		Session: p.session, Version: p.version,
		Ufrag: local.Ufrag, Pwd: local.Pwd, Fingerprint: jsep.Fingerprint(local.Fingerprint),
		Active: p.remote.DTLSRole == transport.Client, Candidates: p.engine.candidates.list(time.Now()),
		Slot: func(mid string) jsep.Slot {
			i := slices.IndexFunc(slots, func(s *slot) bool { return s.mid == mid })
			return slots[i].announced()
		},
	}), nil
}

// maxSlotsMade bounds the slots that a connection makes in its life: SRTP has to
// remember how far the numbers of each went.
const maxSlotsMade = 4096

// fresh counts the slots that an offer adds. It needs negotiating.
func (p *Peer) fresh(o *jsep.Offer) (n int) {
	w := p.wired.Load()
	for i := range o.Lines {
		l := &o.Lines[i]
		if l.Use == jsep.Receive && !slices.ContainsFunc(w.slots, func(s *slot) bool { return s.continues(l) }) {
			n++
		}
	}
	return n
}

// connect tells the transport who the client is, and restarts ICE when the client
// does (RFC 8839 §4.4.3). It needs negotiating.
func (p *Peer) connect(o *jsep.Offer) (transport.Parameters, error) {
	former := p.remote
	r := transport.Remote{Ufrag: o.Ufrag, Pwd: o.Pwd, DTLSRole: former.DTLSRole}
	for _, f := range o.Fingerprints {
		r.Fingerprints = append(r.Fingerprints, transport.Fingerprint(f))
	}
	first := former.Ufrag == ""
	switch {
	case first && o.Setup == jsep.Passive:
		r.DTLSRole = transport.Client
	case first:
	case o.Setup == jsep.Active && r.DTLSRole == transport.Client, o.Setup == jsep.Passive && r.DTLSRole == transport.Server:
		return transport.Parameters{}, fmt.Errorf("%w: the DTLS roles cannot change: connect anew", ErrBadOffer)
	case !slices.EqualFunc(r.Fingerprints, former.Fingerprints, sameFingerprint):
		return transport.Parameters{}, fmt.Errorf("%w: the certificate cannot change: connect anew", ErrBadOffer)
	}
	restart := !first && (r.Ufrag != former.Ufrag || r.Pwd != former.Pwd)
	if restart {
		r.Fingerprints = former.Fingerprints // the same, written the same way
	}
	if first || restart {
		if restart {
			p.conn.Restart()
		}
		if err := p.conn.SetRemote(r); errors.Is(err, transport.ErrParameters) {
			return transport.Parameters{}, fmt.Errorf("%w: %w", ErrBadOffer, err)
		} else if err != nil {
			return transport.Parameters{}, fmt.Errorf("set client's transport: %w", err)
		}
		p.remote = r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if restart {
		p.candidates = 0
	}
	return p.conn.Local(), nil
}

func sameFingerprint(a, b transport.Fingerprint) bool {
	return a.Algorithm == b.Algorithm && strings.EqualFold(a.Value, b.Value)
}

// adopt makes the slots and tracks what the offer says and returns the slots. What
// the client sends must be known before its first packet comes.
func (p *Peer) adopt(o *jsep.Offer) []*slot {
	now := time.Now()
	p.mu.Lock()
	old := p.wired.Load()
	next := p.rewire(old, o, now)
	p.wired.Store(next)
	table := p.streams.Load().of(next.pubs)
	for _, pub := range next.pubs {
		for i := range o.Lines {
			if l := &o.Lines[i]; l.Mid == pub.line.Mid {
				table = table.announced(pub, l)
			}
		}
	}
	p.streams.Store(table)
	open := p.connected
	p.mu.Unlock()

	for _, s := range old.slots {
		if !slices.Contains(next.slots, s) {
			p.totals.down(s.down.Stats())
			s.down.Close()
		}
	}
	for _, pub := range old.pubs {
		if !slices.Contains(next.pubs, pub) {
			pub.end()
		}
	}
	if open {
		for _, s := range next.slots {
			s.open()
		}
	}
	return next.slots
}

// rewire keeps the slots and publications that an offer goes on with and makes the
// new ones. It needs p.mu.
func (p *Peer) rewire(old *wiring, o *jsep.Offer, now time.Time) *wiring {
	next := &wiring{routing: o.Routing, reducedSize: true}
	for i := range o.Lines {
		l := &o.Lines[i]
		switch l.Use {
		case jsep.Receive:
			k := slices.IndexFunc(old.slots, func(s *slot) bool { return s.continues(l) })
			var s *slot
			if k >= 0 {
				s = old.slots[k]
			} else {
				s = p.newSlot(l)
				p.slotsMade++
			}
			s.negotiated(l, p.conn)
			next.slots, next.downs = append(next.slots, s), append(next.downs, s.down)
		case jsep.Publish:
			k := slices.IndexFunc(old.pubs, func(pub *publication) bool { return pub.same(l) })
			if k >= 0 {
				next.pubs = append(next.pubs, old.pubs[k])
			} else {
				next.pubs = append(next.pubs, p.newPublication(*l, now))
			}
		default:
			continue
		}
		next.reducedSize = next.reducedSize && l.ReducedSize
	}
	return next
}

// announced returns the table with the streams that the offer names. Clients that
// send layers by name, or a mid in each packet, name none.
func (t *streams) announced(pub *publication, l *jsep.Line) *streams {
	if l.SSRC != 0 && t.find(l.SSRC) == nil {
		t = t.with(newStream(l.SSRC, pub, "", false))
	}
	if l.RTX != 0 && t.find(l.RTX) == nil {
		t = t.with(newStream(l.RTX, pub, "", true))
	}
	return t
}
