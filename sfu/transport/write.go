package transport

import (
	"fmt"

	"github.com/pion/rtp"
)

const (
	// headerRoom is the longest RTP header that is sent, bytes.
	headerRoom = 256
	// maxSend is the longest packet that is sent, bytes.
	maxSend = 1600
	// soundSize and below is sound, which comes alone and waits for nobody; bytes.
	soundSize = 400
	// levelStep is what the sizes of longer packets are rounded up to, bytes.
	levelStep = 16
)

// WriteRTP encrypts a packet and queues it on the nominated path. It never blocks
// and does not keep its arguments. A full queue drops the packet, which is counted
// and no error. The size that it returns is that of the packet as it is sent.
//
// A packet that has the SSRC and number of an earlier one must be equal to it in
// every bit (RFC 7714 §8.4).
func (c *Conn) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.route == nil || c.out == nil {
		return 0, ErrNotConnected
	}
	n, err := h.MarshalTo(c.header[:])
	if err != nil {
		return 0, fmt.Errorf("%w: header: %w", ErrPacket, err)
	}
	padding := level(h, n+len(payload))
	if h.Padding {
		padding = int(h.PaddingSize)
	}
	size := n + len(payload) + padding + c.out.overheadRTP()
	if size > maxSend {
		return 0, fmt.Errorf("%w: %d bytes", ErrPacket, size)
	}
	index := c.outgoing.index(h.SSRC, h.SequenceNumber)
	room := c.route.out.Reserve(size)
	if room == nil {
		c.drop(DropQueue)
		return size, nil
	}
	if padding > 0 {
		c.header[0] |= 1 << 5
		payload = pad(room[n:], payload, padding)
	}
	if err = c.out.sealRTP(room, c.header[:n], payload, h.SSRC, index); err != nil {
		clear(room) // what is in the clear must not leave
	}
	// The end of a picture goes at once with all before it; sound is no longer
	// than this, and padding has time.
	c.route.out.Commit(!h.Marker && (h.Padding || size > soundSize))
	if err != nil {
		return 0, err
	}
	c.sent.packets++
	c.sent.bytes += uint64(size)
	return size, nil
}

// level returns how much padding brings a packet to the size of its neighbours, so
// that they go as one train, whose packets must be equal but for the last. Browsers
// cut a frame into packets that differ by a byte, the larger ones behind. It is the
// same for the same packet: one that is repeated must be equal to the first.
func level(h *rtp.Header, size int) int {
	if h.Marker || size <= soundSize {
		return 0
	}
	return -size & (levelStep - 1)
}

// pad puts the payload and its padding (RFC 3550 §5.1) into room.
func pad(room, payload []byte, padding int) []byte {
	n := copy(room, payload)
	room = room[:n+padding]
	clear(room[n:])
	room[n+padding-1] = byte(padding)
	return room
}

// WriteRTCP encrypts a compound packet and sends it. Like WriteRTP it never blocks.
func (c *Conn) WriteRTCP(pkts []byte) error {
	if len(pkts) < minRTCP || len(pkts) > maxSend {
		return fmt.Errorf("%w: RTCP of %d bytes", ErrPacket, len(pkts))
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.route == nil || c.out == nil {
		return ErrNotConnected
	}
	room := c.route.out.Reserve(len(pkts) + c.out.overheadRTCP())
	if room == nil {
		c.drop(DropQueue)
		return nil
	}
	err := c.out.sealRTCP(room, pkts)
	if err != nil {
		clear(room)
	}
	c.route.out.Commit(false)
	if err == nil {
		c.sent.control++
	}
	return err
}
