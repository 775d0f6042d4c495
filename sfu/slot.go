package sfu

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/jsep"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// slot is one m-line that the client receives on. What it carries is the business
// of its forward.Down.
type slot struct {
	// Static after construction.
	mid       string
	kind      track.Kind
	id        string
	ssrc, rtx uint32
	down      *forward.Down

	lost atomic.Uint32 // of 256 packets, as the client last reported

	mu     sync.Mutex
	out    forward.Outlet // as negotiated last
	opened forward.Outlet // as the down has it
}

// newSlot makes what belongs to an m-line. It needs p.mu.
func (p *Peer) newSlot(l *jsep.Line) *slot {
	p.serial++
	return &slot{mid: l.Mid, kind: l.Kind, id: l.Kind.String() + "-" + strconv.Itoa(p.serial),
		ssrc: newSSRC(), rtx: newSSRC(),
		down: forward.NewDown(forward.DownConfig{Kind: l.Kind, Stamper: p.bwe, RTT: p.bwe.RTT})}
}

// continues tells whether a line of a later offer is the slot's.
func (s *slot) continues(l *jsep.Line) bool { return s.mid == l.Mid && s.kind == l.Kind }

// negotiated takes what a line says; the slot sends so once it is opened.
func (s *slot) negotiated(l *jsep.Line, w forward.Writer) {
	out := forward.Outlet{Writer: w, SSRC: s.ssrc}
	for _, f := range l.Formats {
		if f.Codec == packet.RED {
			out.RED = f.Type
			continue
		}
		if int(f.Codec) < len(out.Types) {
			out.Types[f.Codec], out.RTXTypes[f.Codec] = f.Type, f.RTX
		}
		if f.RTX != 0 {
			out.RTX = s.rtx
		}
	}
	if l.Has(jsep.TransportCC) {
		out.TransportCC = l.ID(sdp.TransportCCURI)
	}
	if l.Mixed { // a descriptor may be longer than a small extension
		out.DependencyDescriptor = l.ID(packet.DependencyDescriptorURI)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = out
}

// open lets the slot send as was negotiated.
func (s *slot) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != s.out {
		s.opened = s.out
		s.down.Open(s.out)
	}
}

// announced is what the answer says of the slot.
func (s *slot) announced() jsep.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return jsep.Slot{ID: s.id, SSRC: s.out.SSRC, RTX: s.out.RTX}
}
