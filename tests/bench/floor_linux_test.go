//go:build bench

package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// SRTP's sizes with AEAD_AES_128_GCM (RFC 7714 §8.1, §12.1).
const (
	rtpHeader = 12
	gcmNonce  = 12
	gcmTag    = 16
)

// floorLoad is what the floor sends: frames to everybody, at the frame's pace.
type floorLoad struct {
	size         int // bytes of an RTP packet
	frame        int // packets of a frame
	destinations int
	fps          int
	duration     time.Duration
}

// sendFloor encrypts and sends as little as a forwarder must: each packet for
// each destination, one sendmsg with UDP_SEGMENT for a frame of each. It
// returns the CPU of its one thread, µs a packet; receivers have their own.
func sendFloor(t *testing.T, l floorLoad) float64 {
	t.Helper()
	to := floorReceivers(t, l.destinations)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20); err != nil {
		t.Fatal(err)
	}
	f := newFloorSender(t, fd, l)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pace := time.NewTicker(time.Second / time.Duration(l.fps))
	defer pace.Stop()
	packets := 0
	began, cpu := time.Now(), threadCPU(t)
	for time.Since(began) < l.duration {
		<-pace.C
		for _, addr := range to {
			f.seal()
			if err := f.send(addr); err != nil {
				t.Fatal(err)
			}
			packets += l.frame
		}
	}
	return float64((threadCPU(t) - cpu).Nanoseconds()) / 1000 / float64(packets)
}

// floorReceivers read and throw away.
func floorReceivers(t *testing.T, n int) []*unix.SockaddrInet4 {
	t.Helper()
	var to []*unix.SockaddrInet4
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		go func() {
			buf := make([]byte, 2048)
			for {
				if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
					return
				}
			}
		}()
		to = append(to, &unix.SockaddrInet4{Port: c.LocalAddr().(*net.UDPAddr).Port, Addr: [4]byte{127, 0, 0, 1}})
	}
	return to
}

// floorSender keeps what is the same for all packets.
type floorSender struct {
	fd      int
	gcm     cipher.AEAD
	salt    [gcmNonce]byte
	plain   []byte
	segment int
	out     []byte
	control []byte
	seq     uint64
	frame   int
}

func newFloorSender(t *testing.T, fd int, l floorLoad) *floorSender {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	f := &floorSender{fd: fd, gcm: gcm, plain: make([]byte, l.size), segment: l.size + gcmTag, frame: l.frame}
	f.out = make([]byte, l.frame*f.segment)
	f.control = make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint64(f.control, uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(f.control[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(f.control[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(f.control[16:], uint16(f.segment))
	return f
}

// seal encrypts one frame, as SRTP does: the header stays in the clear.
func (f *floorSender) seal() {
	for i := range f.frame {
		out := f.out[i*f.segment:]
		copy(out, f.plain[:rtpHeader])
		nonce := f.salt
		binary.BigEndian.PutUint64(nonce[4:], f.seq)
		f.seq++
		f.gcm.Seal(out[rtpHeader:rtpHeader], nonce[:], f.plain[rtpHeader:], out[:rtpHeader])
	}
}

func (f *floorSender) send(to *unix.SockaddrInet4) error {
	control := f.control
	if f.frame == 1 {
		control = nil
	}
	return unix.Sendmsg(f.fd, f.out, control, to, 0)
}

// threadCPU is what the calling thread has used.
func threadCPU(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
