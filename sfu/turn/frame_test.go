package turn

import (
	"bytes"
	"net"
	"testing"
	"time"
)

func stunFrame(length uint16, body int) []byte {
	b := make([]byte, stunHeader+body)
	b[1], b[2], b[3] = 1, byte(length>>8), byte(length)
	copy(b[4:], []byte{0x21, 0x12, 0xA4, 0x42})
	return b
}

func TestReadFrame(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []byte
		want int // 0 for an error
	}{
		"binding":            {stunFrame(0, 0), 20},
		"attributes":         {stunFrame(8, 8), 28},
		"two":                {append(stunFrame(0, 0), stunFrame(4, 4)...), 20},
		"channel data":       {[]byte{0x40, 0, 0, 4, 1, 2, 3, 4}, 8},
		"padded":             {[]byte{0x40, 0, 0, 1, 1, 0, 0, 0}, 8},
		"empty channel data": {[]byte{0x4F, 0xFF, 0, 0}, 4},
		"odd length":         {stunFrame(3, 3), 0},
		"no cookie":          {make([]byte, 20), 0},
		"length of a wrap":   {stunFrame(0xFFEC, 100), 0}, // 20 more is 65536
		"too long":           {stunFrame(2000, 2000), 0},
		"too long a channel": {append([]byte{0x40, 0, 0xFF, 0xFD}, make([]byte, 3000)...), 0},
		"HTTP":               {[]byte("GET / HTTP/1.1\r\n\r\n     "), 0},
		"TLS":                {[]byte{0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5}, 0},
		"reserved channel":   {[]byte{0x50, 0, 0, 4, 1, 2, 3, 4}, 0},
		"cut":                {stunFrame(8, 4), 0},
		"nothing":            {nil, 0},
	} {
		n, err := readFrame(bytes.NewReader(tc.in), make([]byte, maxFrame))
		if (err == nil) != (tc.want > 0) || err == nil && n != tc.want {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(stunFrame(0, 0))
	f.Add(stunFrame(0xFFEC, 40))
	f.Add([]byte{0x40, 0, 0, 1, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		for b := make([]byte, maxFrame); ; {
			before := r.Len()
			n, err := readFrame(r, b)
			if err != nil {
				return
			}
			if n < channelHeader || n > maxFrame || before-r.Len() != n {
				t.Fatalf("%d bytes read, %d taken", n, before-r.Len())
			}
		}
	})
}

// A length that wraps around made pion read the same bytes for ever.
func TestHostileStreams(t *testing.T) {
	s, media := startServer(t, nil)
	for _, garbage := range [][]byte{
		stunFrame(0xFFEC, 100), []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), {0x40, 0, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6},
	} {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", portText(s.Port())))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(garbage); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 100)); err == nil || isTimeout(err) {
			t.Errorf("%x: %d bytes, %v", garbage[:4], n, err)
		}
	}
	if n := s.Stats().Refused[RefusedFrame]; n != 3 {
		t.Errorf("%d refused", n)
	}
	_ = media
	waitFor(t, "connections are gone", func() bool { return s.Stats().Connections == 0 })
}

func TestIdleConnectionsEnd(t *testing.T) {
	s, _ := startServer(t, nil)
	relay := allocate(t, s, "tcp", "ann")
	_ = relay
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	for _, c := range s.streams.all {
		if left := time.Until(c.patience()); left < silence-time.Minute {
			t.Errorf("with an allocation it has %v", left)
		}
		c.mu.Lock()
		c.allocations = 0
		c.mu.Unlock()
		if left := time.Until(c.patience()); left > firstFrame {
			t.Errorf("without one it has %v", left)
		}
	}
}
