//go:build linux

package netio

import "sync"

// destination is where packets go: an Outlet of the batched socket. Packets are
// written where they are sent from, into the open message.
type destination struct {
	queue   *queue
	name    sockaddr
	noTrain bool // takes no segments; known to the sender alone

	mu   sync.Mutex
	open *message // still taking packets
}

// Reserve implements Outlet.
func (d *destination) Reserve(n int) []byte {
	d.mu.Lock()
	if d.open != nil && !d.open.fits(n) {
		d.queue.finish(d.open)
		d.open = nil
	}
	if d.open == nil {
		if d.open = d.queue.begin(d); d.open == nil {
			d.mu.Unlock()
			return nil
		}
	}
	return d.open.reserve(n)
}

// Commit implements Outlet.
func (d *destination) Commit(hold bool) {
	if !hold {
		d.queue.finish(d.open)
		d.open = nil
	}
	d.mu.Unlock()
}

// expire ends a message unless that has happened already.
func (d *destination) expire(m *message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == m {
		d.queue.finish(m)
		d.open = nil
	}
}
