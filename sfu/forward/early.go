package forward

import "github.com/meetcast/meetcast/sfu/track"

const (
	// ledgerSize is how many sent packets are known by their transport-wide number
	// while the path loses packets: about half a second of 2.5 Mbit/s with sound.
	ledgerSize = 512
	// lossyFrom and lossyUntil are the shares of lost packets between which a path
	// begins and ceases to count as lossy.
	lossyFrom, lossyUntil = 0.02, 0.01
	// repairCopies is how often a packet goes out that was lost again: on a lossy
	// path one more round trip costs more than a few packets.
	repairCopies = 2
)

// ledger finds the packets of a slot by their transport-wide sequence numbers, so
// that what is reported lost is sent again although the request for it is lost as
// well. It is a plain value.
type ledger struct {
	entries []ledgerEntry // nil while the path is good
}

// ledgerEntry is one packet that was sent.
type ledgerEntry struct {
	stamp, seq uint16
	used       bool
}

func (l *ledger) note(stamp, seq uint16) {
	if l.entries != nil {
		l.entries[stamp%ledgerSize] = ledgerEntry{stamp, seq, true}
	}
}

// take returns the packet that had a number, once.
func (l *ledger) take(stamp uint16) (seq uint16, ok bool) {
	if l.entries == nil {
		return 0, false
	}
	e := &l.entries[stamp%ledgerSize]
	if !e.used || e.stamp != stamp {
		return 0, false
	}
	e.used = false
	return e.seq, true
}

// SetLoss tells which share of the packets to the subscriber is lost, 0 .. 1. On a
// lossy path with a retransmission stream, lost packets may be told by Lost.
func (d *Down) SetLoss(share float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch on := d.rtx.sent.entries != nil; {
	case d.cfg.Kind != track.Video || d.out.RTX == 0 || share < lossyUntil:
		d.rtx.sent.entries = nil
	case !on && share >= lossyFrom:
		d.rtx.sent.entries = make([]ledgerEntry, ledgerSize)
	}
}

// Lost takes the transport-wide sequence number of a packet that did not arrive.
// When it was one of this slot, and no newer copy is on its way, it is sent again.
func (d *Down) Lost(stamp uint16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seq, ok := d.rtx.sent.take(stamp)
	if !ok {
		return
	}
	if e := &d.rtx.repeats[seq%repeatsKept]; e.seq == seq && e.times > 0 {
		if e.stamp != stamp {
			return
		}
		e.lost = true
	}
	d.again(seq)
}

// SetRedundancy lets the slot send sound with redundancy, or without to spare its
// bandwidth, and tells whether it does. It does at first.
func (d *Down) SetRedundancy(on bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plain = !on
	return on && d.out.RED != 0
}
