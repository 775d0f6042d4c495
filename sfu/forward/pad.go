package forward

import "time"

// padding is the most that one padding packet can carry (RFC 3550 §5.1).
const padding = 255

// Pad sends padding of about bytes, to probe the path, and returns how much it
// sent. It goes on the retransmission stream, whose numbers nobody waits for;
// without one it goes among the media, and never in the middle of a frame.
func (d *Down) Pad(bytes int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || d.closed || d.out.TransportCC == 0 || d.last == 0 {
		return 0
	}
	rtx := d.rtxType()
	if inFrame := !d.between && d.current.Load() != 0; rtx == 0 && inFrame {
		return 0
	}
	now, sent := d.cfg.Now(), 0
	for ; sent < bytes; sent += overhead + padding {
		if rtx != 0 {
			d.padRTX(rtx, now)
		} else {
			d.padMedia(now)
		}
		d.stats.Padding++
	}
	return sent
}

// rtxType is the retransmission payload type of what was sent last, 0 for none.
func (d *Down) rtxType() uint8 {
	for i, pt := range d.out.Types {
		if pt == d.last && d.out.RTX != 0 {
			return d.out.RTXTypes[i]
		}
	}
	return 0
}

func (d *Down) padRTX(pt uint8, now time.Time) {
	h := &d.rtx.header
	h.describe(nil)
	h.Marker, h.Padding, h.PaddingSize = false, true, padding
	h.SSRC, h.PayloadType, h.SequenceNumber, h.Timestamp = d.out.RTX, pt, d.rtx.seq, d.time.Last()
	d.rtx.seq++
	h.number(d.cfg.Stamper.Stamp(now, overhead+padding))
	if _, err := d.out.Writer.WriteRTP(&h.Header, nil); err != nil {
		d.stats.Drops[DropUnconnected]++
	}
	h.Padding, h.PaddingSize = false, 0
}

func (d *Down) padMedia(now time.Time) {
	h := &d.header
	h.describe(nil)
	h.Marker, h.Padding, h.PaddingSize = false, true, padding
	h.PayloadType, h.Timestamp, h.SequenceNumber = d.last, d.time.Last(), d.seq.Insert()
	d.given.take(h.SequenceNumber, false)
	d.send(nil, now)
	h.Padding, h.PaddingSize = false, 0
}
