package transport

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/srtp/v3"
)

// pair makes our two ends and pion's for the same keys.
func pair(t testing.TB, p profile) (protector, unprotector, *srtp.Context) {
	t.Helper()
	material := make([]byte, p.material())
	_, _ = rand.Read(material)
	_, master, err := p.split(material, Server)
	if err != nil {
		t.Fatal(err)
	}
	var out protector
	var in unprotector
	var err2 error
	if p == profileGCM {
		out, err = newGCMProtector(master)
		in, err2 = newGCMUnprotector(master)
	} else {
		out, err = newCMProtector(master)
		in, err2 = newCMUnprotector(master)
	}
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	c, err := srtp.CreateContext(master.key, master.salt, srtp.ProtectionProfile(p), srtp.SRTPReplayProtection(1024), srtp.SRTCPReplayProtection(1024))
	if err != nil {
		t.Fatal(err)
	}
	return out, in, c
}

func seal(t testing.TB, out protector, o *outgoing, packet []byte) []byte {
	t.Helper()
	n, ok := headerRTP(packet)
	if !ok {
		t.Fatal("no header")
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	dst := make([]byte, len(packet)+out.overheadRTP())
	if err := out.sealRTP(dst, packet[:n], packet[n:], ssrc, o.index(ssrc, binary.BigEndian.Uint16(packet[2:]))); err != nil {
		t.Fatal(err)
	}
	return dst
}

// Numbers that roll over, come late and come again are sealed and opened as pion
// does, whichever end is ours.
func TestAgainstPion(t *testing.T) {
	for _, p := range []profile{profileGCM, profileCM} {
		out, _, theirs := pair(t, p)
		var o outgoing
		for i, seq := range []uint16{65000, 65001, 65535, 0, 1, 65533, 2, 65530, 3, 4, 60000, 5} {
			packet := rtpPacket(uint32(7+i%2), seq, 1, 2, byte(seq))
			b := seal(t, out, &o, packet)
			got, err := theirs.DecryptRTP(nil, b, nil)
			if seq == 60000 { // long ago: pion says so, and the count stays
				continue
			}
			if err != nil || !bytes.Equal(got, packet) {
				t.Fatalf("%v, %d: %x: %v", p, seq, got, err)
			}
		}
		for i := range 3 {
			packet := append(rtcpPacket(uint32(i/2)), rtcpPacket(8)...)
			dst := make([]byte, len(packet)+out.overheadRTCP())
			if err := out.sealRTCP(dst, packet); err != nil {
				t.Fatal(err)
			}
			if got, err := theirs.DecryptRTCP(nil, dst, nil); err != nil || !bytes.Equal(got, packet) {
				t.Fatalf("%v: %x: %v", p, got, err)
			}
		}
	}
	for _, p := range []profile{profileGCM, profileCM} {
		_, in, theirs := pair(t, p)
		now := time.Now()
		for i, seq := range []uint16{65000, 65001, 65535, 0, 1, 65533, 2, 65530, 3, 3} {
			packet := rtpPacket(7, seq, 1, 2, 3)
			if i%3 == 0 { // with CSRC and extension
				packet = append([]byte{0x91, 96, byte(seq >> 8), byte(seq), 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1,
					0xBE, 0xDE, 0, 1, 0x10, 5, 0, 0}, 1, 2, 3)
			}
			b, err := theirs.EncryptRTP(nil, packet, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, v := in.openRTP(b, now)
			if i == 9 {
				if v != verdict(DropReplay) {
					t.Fatalf("%v: the same packet again: %v", p, v)
				}
				continue
			}
			if v != accepted || !bytes.Equal(got, packet) {
				t.Fatalf("%v, %d: %x: %v", p, seq, got, v)
			}
		}
	}
}

func TestBadMedia(t *testing.T) {
	for _, p := range []profile{profileGCM, profileCM} {
		_, in, theirs := pair(t, p)
		now := time.Now()
		good, err := theirs.EncryptRTP(nil, rtpPacket(7, 1, 1, 2, 3), nil)
		if err != nil {
			t.Fatal(err)
		}
		control, err := theirs.EncryptRTCP(nil, rtcpPacket(7), nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range good {
			if _, v := in.openRTP(bytes.Clone(good[:n]), now); v == accepted {
				t.Fatalf("%v: took %d of %d bytes", p, n, len(good))
			}
		}
		for n := range control {
			if _, v := in.openRTCP(bytes.Clone(control[:n]), now); v == accepted {
				t.Fatalf("%v: took %d of %d bytes of RTCP", p, n, len(control))
			}
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if _, v := in.openRTP(bad, now); v == accepted {
				t.Fatalf("%v: took a packet changed in byte %d", p, i)
			}
		}
		for i := range control {
			bad := bytes.Clone(control)
			bad[i] ^= 1
			if _, v := in.openRTCP(bad, now); v == accepted {
				t.Fatalf("%v: took RTCP changed in byte %d", p, i)
			}
		}
		if _, v := in.openRTP(bytes.Clone(good), now); v != accepted {
			t.Fatalf("%v: %v", p, v)
		}
		if _, v := in.openRTCP(bytes.Clone(control), now); v != accepted {
			t.Fatalf("%v: %v", p, v)
		}
		if _, v := in.openRTCP(bytes.Clone(control), now); v != verdict(DropReplay) {
			t.Fatalf("%v: the same report again: %v", p, v)
		}
	}
}

// A peer that invents SSRCs gets no more than its share; old ones make room.
func TestStreamsAreBounded(t *testing.T) {
	out, in, _ := pair(t, profileGCM)
	var o outgoing
	now := time.Now()
	open := func(ssrc uint32, seq uint16) verdict {
		_, v := in.openRTP(seal(t, out, &o, rtpPacket(ssrc, seq, 1)), now)
		return v
	}
	for i := range uint32(maxStreams) {
		if v := open(i, 1); v != accepted {
			t.Fatal(i, v)
		}
	}
	if v := open(1000, 1); v != verdict(DropStreams) {
		t.Fatal(v)
	}
	now = now.Add(streamIdle + time.Second)
	for i := range uint32(maxStreams) {
		if i != 5 {
			open(i, 2)
		}
	}
	if v := open(1000, 2); v != accepted {
		t.Fatal(v)
	}
	if v := open(1001, 1); v != verdict(DropStreams) {
		t.Fatal(v)
	}
	if n := len(in.(*gcmUnprotector).rtpStreams.list); n != maxStreams {
		t.Fatal(n)
	}
}

func TestWindow(t *testing.T) {
	var w window
	for _, step := range []struct {
		index uint64
		seen  bool
	}{
		{100, false}, {100, true}, {99, false}, {99, true}, {101, false}, {100, true},
		{100 + windowBits, false}, {101, true}, {102, false}, {99, true}, {100, true},
		{5000, false}, {5000 - windowBits, true}, {5001 - windowBits, false}, {5001 - windowBits, true}, {1 << 40, false}, {5000, true},
	} {
		seen := w.seen(step.index)
		if seen != step.seen {
			t.Fatalf("%d: seen is %v", step.index, seen)
		}
		if !seen {
			w.mark(step.index)
		}
	}
}

func TestExtend(t *testing.T) {
	for _, c := range []struct {
		highest uint64
		seq     uint16
		want    uint64
	}{
		{10, 11, 11}, {10, 9, 9}, {10, 65535, 65535}, {65535, 0, 65536}, {65536, 65535, 65535},
		{3<<16 | 5, 65000, 2<<16 | 65000}, {3<<16 | 65000, 5, 4<<16 | 5}, {3<<16 | 40000, 10000, 3<<16 | 10000},
	} {
		if got := extend(c.highest, true, c.seq); got != c.want {
			t.Errorf("%d after %d is %d, want %d", c.seq, c.highest, got, c.want)
		}
	}
}
