package light

import (
	"fmt"
	"time"

	"github.com/pion/rtp"
)

// media decrypts a packet and hands it on. Packets before the keys are dropped.
func (c *Conn) media(b []byte, now time.Time) {
	k := c.keys.Load()
	if k == nil || len(b) < 8 {
		return
	}
	if c.down.drops() {
		c.dropped.Add(1)
		return
	}
	c.inMu.Lock()
	defer c.inMu.Unlock()
	if isRTCP(b) {
		plain, err := k.in.DecryptRTCP(nil, b, nil)
		if err != nil {
			c.undecipherable.Add(1)
			return
		}
		c.cfg.Handler.RTCP(plain, now)
		return
	}
	plain, err := k.in.DecryptRTP(b, b, &k.inHead)
	if err != nil {
		c.undecipherable.Add(1)
		return
	}
	c.cfg.Handler.RTP(&k.inHead, plain[headerSize(plain):], len(plain), now)
}

// headerSize of a packet whose header was parsed without complaint (RFC 3550
// §5.1, §5.3.1).
func headerSize(b []byte) int {
	n := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		n += 4 + 4*(int(b[n+2])<<8|int(b[n+3]))
	}
	return n
}

// isRTCP tells by the packet type (RFC 5761 §4).
func isRTCP(b []byte) bool { return b[1] >= 192 && b[1] <= 223 }

// WriteRTP encrypts and sends one packet.
func (c *Conn) WriteRTP(header *rtp.Header, payload []byte) error {
	k, p := c.keys.Load(), c.active.Load()
	if k == nil || p == nil {
		return ErrClosed
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	size := header.MarshalSize() + len(payload)
	if size > maxPacket {
		return fmt.Errorf("packet of %d bytes is too long", size)
	}
	n, err := header.MarshalTo(c.plain)
	if err != nil {
		return fmt.Errorf("write RTP: %w", err)
	}
	n += copy(c.plain[n:], payload)
	sealed, err := k.out.EncryptRTP(c.sealed[:0], c.plain[:n], &c.outHead)
	if err != nil {
		return fmt.Errorf("write RTP: %w", err)
	}
	c.sealed = sealed
	return c.send(p, sealed)
}

// WriteRTCP encrypts and sends a compound packet.
func (c *Conn) WriteRTCP(b []byte) error {
	k, p := c.keys.Load(), c.active.Load()
	if k == nil || p == nil {
		return ErrClosed
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	sealed, err := k.out.EncryptRTCP(c.sealed[:0], b, nil)
	if err != nil {
		return fmt.Errorf("write RTCP: %w", err)
	}
	return c.send(p, sealed)
}

func (c *Conn) send(p *path, b []byte) error {
	if c.up.drops() {
		c.dropped.Add(1)
		return nil
	}
	if _, err := p.sock.Write(b); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
