package bwe

import (
	"time"

	"github.com/pion/rtcp"
)

// historySize is how many sent packets are remembered: 1 s at 2000 packets/s.
const historySize = 1 << 11

// sent is one packet on its way.
type sent struct {
	at    time.Duration // since the estimator began
	size  uint16        // bytes
	seq   uint16
	probe bool // belongs to the running probe
	open  bool // sent and not yet reported on
}

// history remembers what was sent by transport-wide sequence number.
type history struct {
	next    uint16
	packets [historySize]sent
}

func (h *history) add(at time.Duration, size int, probe bool) uint16 {
	seq := h.next
	h.next++
	h.packets[seq%historySize] = sent{at: at, size: uint16(min(size, 1<<16-1)), seq: seq, probe: probe, open: true}
	return seq
}

// take returns a sent packet once.
func (h *history) take(seq uint16) (sent, bool) {
	p := &h.packets[seq%historySize]
	if !p.open || p.seq != seq {
		return sent{}, false
	}
	s := *p
	p.open = false
	return s, true
}

// report is one packet of a feedback.
type report struct {
	seq      uint16
	received bool
	arrival  time.Duration // on the receiver's clock
}

// walk calls f for each packet that a feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1) reports on. A
// feedback that contradicts itself ends early.
func walk(fb *rtcp.TransportLayerCC, f func(report)) {
	w := walker{fb: fb, f: f, arrival: time.Duration(fb.ReferenceTime) * 64 * time.Millisecond}
	for _, c := range fb.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				if !w.packet(c.PacketStatusSymbol) {
					return
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, s := range c.SymbolList {
				if !w.packet(s) {
					return
				}
			}
		}
	}
}

type walker struct {
	fb      *rtcp.TransportLayerCC
	f       func(report)
	arrival time.Duration
	n       uint16 // packets so far
	deltas  int    // receive deltas so far
}

func (w *walker) packet(symbol uint16) bool {
	if w.n >= w.fb.PacketStatusCount {
		return false
	}
	r := report{seq: w.fb.BaseSequenceNumber + w.n}
	w.n++
	if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
		if w.deltas >= len(w.fb.RecvDeltas) {
			return false
		}
		w.arrival += time.Duration(w.fb.RecvDeltas[w.deltas].Delta) * time.Microsecond
		w.deltas++
		r.received, r.arrival = true, w.arrival
	}
	w.f(r)
	return true
}
