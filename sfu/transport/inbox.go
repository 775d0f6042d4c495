package transport

import (
	"sync"
	"time"
)

const (
	// inboxLimit is how many packets of a peer may wait to be taken. The rest is
	// dropped.
	inboxLimit = 512
	// pictureWait and soundWait are how long a packet may have waited and still be
	// taken. On a machine that does not keep up, what is late is dropped where that
	// costs least, before it is decrypted and sent on: the rest stays in time, the
	// kernel's buffer is read before it overflows, which would lose checks and
	// handshakes as well, and senders are told of loss and send less. Sound is
	// little and is missed most.
	pictureWait = 100 * time.Millisecond
	soundWait   = 200 * time.Millisecond
	// few packets are taken however late: they are no queue, and it may have been
	// the whole process that did not run.
	few = 2
	// datagram is the largest packet that is taken, bytes. netio takes no larger.
	datagram = 2048
)

// received is a packet on its way from the reader to the peer's goroutine.
type received struct {
	now time.Time
	n   int
	buf [datagram]byte
}

// late tells whether it has waited too long.
func (p *received) late(now time.Time) bool {
	if p.n <= soundSize {
		return now.Sub(p.now) > soundWait
	}
	return now.Sub(p.now) > pictureWait
}

var packets = sync.Pool{New: func() any { return new(received) }}

// inbox is the bounded queue in front of a peer's RTP handler.
type inbox struct {
	wake chan struct{}

	mu   sync.Mutex
	list []*received
}

// put copies a packet in; false when the inbox is full.
func (i *inbox) put(b []byte, now time.Time) bool {
	if len(b) > datagram {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.list) >= inboxLimit {
		return false
	}
	p := packets.Get().(*received)
	p.now, p.n = now, copy(p.buf[:], b)
	i.list = append(i.list, p)
	return true
}

// take returns what is there and leaves an empty list.
func (i *inbox) take(empty []*received) []*received {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := i.list
	i.list = empty[:0]
	return list
}

// signal wakes the peer's goroutine.
func (i *inbox) signal() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// takeRTP queues a packet; true when the goroutine that takes it is to be woken.
func (c *Conn) takeRTP(b []byte, now time.Time) bool {
	if c.in.Load() == nil {
		c.drop(DropEarly)
		return false
	}
	if !c.receiving.Load() && !c.receive() {
		return false
	}
	if !c.inbox.put(b, now) {
		c.drop(DropInbox)
		return false
	}
	return true
}

// receive starts the goroutine that takes RTP, with the first packet: who only
// watches has none.
func (c *Conn) receive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if !c.receiving.Swap(true) {
		c.wg.Go(c.deliver)
	}
	return true
}

// deliver decrypts RTP and hands it over.
func (c *Conn) deliver() {
	var list []*received
	for {
		select {
		case <-c.lifetime.Done():
			return
		case <-c.inbox.wake:
		}
		list = c.inbox.take(list)
		in := *c.in.Load()
		for i, p := range list {
			switch {
			case c.ended():
			case len(list) > few && p.late(time.Now()):
				c.drop(DropLate)
			default:
				c.open(in, p)
			}
			packets.Put(p)
			list[i] = nil
		}
	}
}

// open decrypts one packet and hands it over.
func (c *Conn) open(in unprotector, p *received) {
	plain, v := in.openRTP(p.buf[:p.n], p.now)
	if v != accepted {
		c.drop(Drop(v))
		return
	}
	c.hear(p.now)
	c.count.received.Add(1)
	c.count.receivedBytes.Add(uint64(p.n))
	c.handler.RTP(plain, p.now)
}
