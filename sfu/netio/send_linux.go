package netio

import (
	"errors"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vector is how many messages one sendmmsg takes. It takes some 100 µs for them,
// during which it is not to be interrupted: see rawSyscall.
const vector = 16

// fullPause is how long a socket whose buffer is full gets to make room. The buffer
// is as large as netio could make it.
const fullPause = time.Millisecond

// control is the ancillary message that makes the kernel cut a train into packets
// of that many bytes (UDP_SEGMENT, udp(7)).
type control struct {
	header  unix.Cmsghdr
	segment uint16
	_       [6]byte
}

// sender drains one queue. All of its memory is made once.
type sender struct {
	queue  *queue
	raw    syscall.RawConn
	trains bool // the kernel has UDP_SEGMENT
	count  *counters
	batch  []*message

	// One system call's worth. entries[i] is what headers[i] sends.
	entries  [vector]entry
	headers  [vector]unix.Mmsghdr
	iov      [vector]unix.Iovec
	controls [vector]control
	from, to int // what is left to send
	result   int
	errno    syscall.Errno
	call     func(uintptr) // s.sendmmsg, bound once
	since    time.Time     // when the kernel began to take nothing, zero while it does
}

// entry is a train, or one packet of a message that must go in pieces.
type entry struct {
	message int // in the batch
	packets int
	train   bool
}

func newSender(q *queue, raw syscall.RawConn, trains bool, count *counters) *sender {
	s := &sender{queue: q, raw: raw, trains: trains, count: count, batch: make([]*message, 0, vector)}
	s.call = s.sendmmsg
	for i := range s.headers {
		h := &s.headers[i].Hdr
		h.Iov = &s.iov[i]
		h.SetIovlen(1)
		c := &s.controls[i].header
		c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		c.SetLen(unix.CmsgLen(2))
	}
	return s
}

// run sends until the queue has ended and is empty.
func (s *sender) run() {
	clock := time.NewTimer(time.Hour)
	defer clock.Stop()
	for {
		batch, wait, over := s.queue.take(s.batch[:0])
		switch {
		case len(batch) > 0:
			s.send(batch)
			s.queue.done(batch)
		case over:
			return
		case wait < 0:
			<-s.queue.wake
		default:
			clock.Reset(wait)
			select {
			case <-s.queue.wake:
			case <-clock.C:
			}
		}
	}
}

// send sends the messages in order. A train that the kernel refuses goes again in
// single packets, as does everything for that destination from then on: its
// device cannot segment, or its path takes no packets of that size.
func (s *sender) send(batch []*message) {
	message, packet := 0, 0
	for message < len(batch) {
		message, packet = s.fill(batch, message, packet)
		for s.from < s.to {
			err := s.raw.Control(s.call)
			e := &s.entries[s.from]
			switch {
			case err == nil && s.errno == unix.EAGAIN && s.patient():
			case err != nil || s.errno == unix.EAGAIN: // too late at the end
				s.count.drop(DropClosed, s.rest(batch, message, packet))
				return
			case s.result > 0:
				s.sent()
			case e.train && refusesTrains(s.errno):
				s.count.fallbacks.Add(1)
				batch[e.message].to.noTrain = true
				message, packet = e.message, 0
				s.from = s.to
			default:
				s.count.drop(DropRefused, e.packets)
				s.from++
			}
		}
	}
}

// patient waits a little for a socket that takes nothing now; false when it has taken
// nothing for long after the end.
func (s *sender) patient() bool {
	if s.since.IsZero() {
		s.since = time.Now()
	}
	if s.queue.ended() && time.Since(s.since) > flushPatience {
		return false
	}
	time.Sleep(fullPause)
	return true
}

// refusesTrains tells errors that single packets may not meet.
func refusesTrains(e syscall.Errno) bool {
	switch e {
	case unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		return true
	}
	return false
}

// fill prepares a call from a packet of a message on, and returns where it ended.
func (s *sender) fill(batch []*message, at, packet int) (nextMessage, nextPacket int) {
	s.from, s.to = 0, 0
	for at < len(batch) && s.to < vector {
		m := batch[at]
		if m.packets == 1 || (s.trains && !m.to.noTrain) {
			s.entry(m, entry{at, m.packets, m.packets > 1}, m.buf)
			at++
			continue
		}
		for packet < m.packets && s.to < vector {
			s.entry(m, entry{at, 1, false}, m.packet(packet))
			packet++
		}
		if packet == m.packets {
			at, packet = at+1, 0
		}
	}
	return at, packet
}

func (s *sender) entry(m *message, e entry, data []byte) {
	i := s.to
	s.entries[i] = e
	s.iov[i].Base = unsafe.SliceData(data)
	s.iov[i].SetLen(len(data))
	h := &s.headers[i].Hdr
	h.Name, h.Namelen = &m.to.name.raw[0], m.to.name.length
	h.Control = nil
	h.SetControllen(0)
	if e.train {
		s.controls[i].segment = uint16(m.segment)
		h.Control = (*byte)(unsafe.Pointer(&s.controls[i]))
		h.SetControllen(unix.CmsgSpace(2))
	}
	s.to++
}

// sendmmsg sends what is left, as far as it goes.
func (s *sender) sendmmsg(fd uintptr) {
	for {
		s.result, s.errno = rawSyscall(unix.SYS_SENDMMSG, fd, unsafe.Pointer(&s.headers[s.from]), s.to-s.from)
		if s.errno == unix.EINTR {
			continue
		}
		if s.errno != 0 {
			s.result = 0
		}
		if s.errno != unix.EAGAIN {
			s.since = time.Time{}
			s.count.calls.Add(1)
		}
		return
	}
}

// rawSyscall makes a call that does not wait, on so many messages. It does not tell
// the scheduler: a call that takes longer than 20 µs has its processor taken away by
// the runtime's monitor, which then keeps looking every 20 µs, and that cost a fifth
// of the server's time.
func rawSyscall(call, fd uintptr, messages unsafe.Pointer, n int) (int, syscall.Errno) {
	r, _, errno := unix.RawSyscall6(call, fd, uintptr(messages), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	return int(r), errno
}

// sent counts what a call has sent.
func (s *sender) sent() {
	packets := 0
	for _, e := range s.entries[s.from : s.from+s.result] {
		packets += e.packets
	}
	s.count.sent.Add(uint64(packets))
	s.count.messages.Add(uint64(s.result))
	s.from += s.result
}

// rest is how many packets of the batch were not sent.
func (s *sender) rest(batch []*message, message, packet int) int {
	n := -packet
	for _, e := range s.entries[s.from:s.to] {
		n += e.packets
	}
	for _, m := range batch[message:] {
		n += m.packets
	}
	return n
}

// probe asks the kernel what it has. Without sendmmsg nothing is gained.
func probe(raw syscall.RawConn) (batches, trains bool) {
	err := raw.Control(func(fd uintptr) {
		_, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
		batches = errno == 0
		_, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
		batches = batches && (errno == 0 || errors.Is(errno, unix.EAGAIN))
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		trains = err == nil
	})
	return batches && err == nil, trains
}
