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
	header := c.header[:n]
	if h.Padding && h.PaddingSize > 0 {
		payload = c.padded(payload, int(h.PaddingSize))
	}
	size := n + len(payload) + c.out.overheadRTP()
	if size > maxSend {
		return 0, fmt.Errorf("%w: %d bytes", ErrPacket, size)
	}
	index := c.outgoing.index(h.SSRC, h.SequenceNumber)
	room := c.route.out.Reserve(size)
	if room == nil {
		c.drop(DropQueue)
		return size, nil
	}
	if err = c.out.sealRTP(room, header, payload, h.SSRC, index); err != nil {
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

// padded returns the payload with its padding (RFC 3550 §5.1).
func (c *Conn) padded(payload []byte, padding int) []byte {
	c.padding = append(c.padding[:0], payload...)
	for range padding - 1 {
		c.padding = append(c.padding, 0)
	}
	c.padding = append(c.padding, byte(padding))
	return c.padding
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
