package tap

import "github.com/meetcast/meetcast/sfu/packet"

// maxFrame bounds a frame under assembly, bytes.
const maxFrame = 2 << 20

// assembler joins the packets of one layer, in order, into frames. It is a
// plain value.
type assembler struct {
	codec packet.Codec

	frame   []byte
	ts      uint32
	open    bool // frame holds the beginning of a frame
	sps     bool
	idr     bool
	waitKey bool // references are lost: only a key frame helps
	broken  uint64
}

// lose tells that packets are missing before the next one.
func (a *assembler) lose() {
	a.open, a.frame = false, a.frame[:0]
	a.waitKey = true
}

// push adds a packet. When it completes a frame, that is returned; it stays
// valid until the next push. needKey tells that frames are being dropped until
// a key frame comes.
func (a *assembler) push(ts uint32, marker bool, payload []byte) (frame []byte, key, needKey bool) {
	if a.open && ts != a.ts {
		// The end of the frame before got lost without a gap: a broken sender.
		a.broken++
		a.lose()
	}
	if err := a.add(ts, payload); err != nil || len(a.frame) > maxFrame {
		a.broken++
		a.lose()
	}
	if !marker || !a.open {
		return nil, false, a.waitKey
	}
	a.open = false
	key = a.idr || a.sps // parameter sets may come as a unit of their own
	if a.codec == packet.VP8 {
		key = vp8Key(a.frame)
	}
	if a.waitKey && !key {
		return nil, false, true
	}
	a.waitKey = false
	return a.frame, key, false
}

// add appends one payload to the frame under assembly.
func (a *assembler) add(ts uint32, payload []byte) error {
	if len(payload) == 0 {
		return nil // padding for probing
	}
	begin := func() {
		a.frame, a.ts, a.open, a.sps, a.idr = a.frame[:0], ts, true, false, false
	}
	if a.codec == packet.VP8 {
		data, start, err := vp8Payload(payload)
		if err != nil {
			return err
		}
		if start && !a.open {
			begin()
		}
		if !a.open {
			return errPayload
		}
		a.frame = append(a.frame, data...)
		return nil
	}
	if !a.open {
		begin()
	}
	var sps, idr bool
	var err error
	a.frame, sps, idr, err = appendH264(a.frame, payload)
	a.sps, a.idr = a.sps || sps, a.idr || idr
	return err
}
