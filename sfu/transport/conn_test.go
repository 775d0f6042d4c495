package transport

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMedia(t *testing.T) {
	for name, cfg := range map[string]farConfig{
		"UDP":            {},
		"TCP":            {network: ice.NetworkTypeTCP4},
		"client":         {client: true},
		"without GCM":    {profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}},
		"client, no GCM": {client: true, profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}},
	} {
		t.Run(name, func(t *testing.T) {
			p := openPort(t, nil)
			c, r, f := connect(t, p, cfg)
			want := srtp.ProtectionProfileAeadAes128Gcm
			if cfg.profiles != nil {
				want = srtp.ProtectionProfileAes128CmHmacSha1_80
			}
			// As the far server it is pion that chooses, by its own order.
			if f.profile != want && !cfg.client {
				t.Fatalf("profile %v", f.profile)
			}
			exchange(t, c, r, f)
			s := c.Stats()
			if network := s.Network; s.State != Connected || network != map[bool]string{true: "tcp", false: "udp"}[cfg.network.IsTCP()] {
				t.Fatalf("%+v", s)
			}
			if s.Drops != [Drops]uint64{} || s.PacketsReceived != 20 || s.ControlReceived != 1 || s.PacketsSent != 20 || s.ControlSent != 1 {
				t.Fatalf("%+v", s)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if got := r.history(); !slices.Equal(got, []State{Connecting, Connected, Closed}) {
				t.Fatal(got)
			}
			// Our good-bye reaches the far side.
			if _, err := f.dtls.Read(make([]byte, 100)); err == nil {
				t.Fatal("read without error after the good-bye")
			}
			if s := p.Stats(); s.Conns != 0 || s.Addresses != 0 || s.Handshakes != 1 || s.Refused != 0 {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// exchange sends media both ways.
func exchange(t *testing.T, c *Conn, r *recorder, f *far) {
	t.Helper()
	had, hadControl := len(r.packets()), len(r.control())
	var want [][]byte
	for i := range 20 {
		want = append(want, rtpPacket(7, uint16(65530+had+i), bytes.Repeat([]byte{byte(i)}, 100+i)...))
		f.sendRTP(t, want[i])
	}
	unittest.Until(t, "RTP", func() bool { return len(r.packets()) >= had+20 })
	if got := r.packets()[had:]; !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatal("other packets than sent")
	}
	f.sendRTCP(t, rtcpPacket(9))
	unittest.Until(t, "RTCP", func() bool { return len(r.control()) > hadControl })
	if !bytes.Equal(r.control()[hadControl], rtcpPacket(9)) {
		t.Fatal("another report than sent")
	}
	for i := range 20 {
		h := rtp.Header{Version: 2, Marker: i%8 == 7, PayloadType: 96, SSRC: 5, SequenceNumber: uint16(65530 + had + i)}
		if err := h.SetExtension(3, []byte{byte(i), 2}); err != nil {
			t.Fatal(err)
		}
		payload := bytes.Repeat([]byte{byte(i)}, 1000)
		if n, err := c.WriteRTP(&h, payload); err != nil || n < 1020 {
			t.Fatal(n, err)
		}
		var got rtp.Packet
		if err := got.Unmarshal(f.receive(t)); err != nil || !bytes.Equal(got.Payload, payload) || got.SequenceNumber != h.SequenceNumber ||
			got.Marker != h.Marker || got.SSRC != 5 || !bytes.Equal(got.GetExtension(3), []byte{byte(i), 2}) {
			t.Fatalf("packet %d: got %v: %v", i, got.Header, err)
		}
	}
	if err := c.WriteRTCP(rtcpPacket(5)); err != nil {
		t.Fatal(err)
	}
	if got := f.receive(t); !bytes.Equal(got, rtcpPacket(5)) {
		t.Fatalf("%x", got)
	}
}

func TestPadding(t *testing.T) {
	c, _, f := connect(t, openPort(t, nil), farConfig{})
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 5, SequenceNumber: 1, Padding: true, PaddingSize: 255}
	for _, payload := range [][]byte{nil, {1, 2, 3}} {
		if _, err := c.WriteRTP(&h, payload); err != nil {
			t.Fatal(err)
		}
		var got rtp.Packet
		if err := got.Unmarshal(f.receive(t)); err != nil || !bytes.Equal(got.Payload, payload) || got.Header.PaddingSize != 255 {
			t.Fatalf("%v: %v", got.Header, err)
		}
		h.SequenceNumber++
	}
}

// Packets of a picture whose sizes differ by some bytes leave with one size, the last
// one as it is; what they carry stays the same.
func TestLevel(t *testing.T) {
	p := openPort(t, nil)
	c, _, f := connect(t, p, farConfig{})
	before := p.cfg.Sockets.Stats()
	sizes := []int{1000, 1001, 999, 1004, 997, 1001}
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 5}
	for i, size := range sizes {
		h.SequenceNumber++
		h.Marker = i == len(sizes)-1
		if _, err := c.WriteRTP(&h, bytes.Repeat([]byte{byte(i)}, size)); err != nil {
			t.Fatal(err)
		}
	}
	for i, size := range sizes {
		b := f.receive(t)
		var got rtp.Packet
		if err := got.Unmarshal(b); err != nil || !bytes.Equal(got.Payload, bytes.Repeat([]byte{byte(i)}, size)) {
			t.Fatalf("%d: %v", i, err)
		}
		if last := i == len(sizes)-1; last == (len(b) == 1024) || last == (got.Header.PaddingSize != 0) {
			t.Fatalf("%d: %d bytes, %d of padding", i, len(b), got.Header.PaddingSize)
		}
	}
	unittest.Until(t, "the count", func() bool { return p.cfg.Sockets.Stats().Sent-before.Sent == uint64(len(sizes)) })
	if s := p.cfg.Sockets.Stats(); s.Messages-before.Messages != 1 {
		t.Fatalf("%d messages", s.Messages-before.Messages)
	}
	if _, err := c.WriteRTP(&h, make([]byte, maxSend)); !errors.Is(err, ErrPacket) {
		t.Fatal(err)
	}
}

func TestGoodbye(t *testing.T) {
	for _, client := range []bool{false, true} {
		_, r, f := connect(t, openPort(t, nil), farConfig{client: client})
		if err := f.dtls.Close(); err != nil {
			t.Fatal(err)
		}
		r.waitState(t, Closed)
	}
}

func TestWrongFingerprint(t *testing.T) {
	for _, client := range []bool{false, true} {
		p := openPort(t, nil)
		c, r := newTestConn(t, p)
		cfg := farConfig{wrong: true, client: client}
		f := newFar(t, c, cfg)
		f.dial(t, p, c, "udp")
		_ = f.secure(t, cfg)
		r.waitState(t, Failed)
		if _, err := c.WriteRTP(&rtp.Header{Version: 2}, []byte{1}); err == nil {
			t.Fatal("wrote to a peer with another certificate")
		}
		if s := p.Stats(); s.Refused != 1 || s.Handshakes != 0 {
			t.Fatalf("%+v", s)
		}
	}
}
