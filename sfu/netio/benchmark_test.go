//go:build linux

package netio

import (
	"testing"
)

func BenchmarkBatched(b *testing.B) { benchmarkFrames(b, false) }

func BenchmarkPlain(b *testing.B) { benchmarkFrames(b, true) }

// benchmarkFrames writes frames of eight packets to 100 destinations; an
// operation is a packet.
func benchmarkFrames(b *testing.B, plain bool) {
	s, err := Open(Config{IP: "127.0.0.1", Plain: plain})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var tos []Outlet
	for range 100 {
		_, to := receivePlain(b, "127.0.0.1:0")
		o, err := s.Outlet(to)
		if err != nil {
			b.Fatal(err)
		}
		tos = append(tos, o)
	}
	p := numbered(1100, 0, false)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; {
		for k := range 8 {
			for _, to := range tos {
				if room := to.Reserve(len(p)); room != nil {
					copy(room, p)
					to.Commit(k != 7)
				}
				i++
			}
		}
	}
	b.StopTimer()
	if st := s.Stats(); st.Messages > 0 {
		b.ReportMetric(float64(st.Sent)/float64(st.Messages), "packets/message")
		b.ReportMetric(float64(st.Drops[DropFull])/float64(b.N), "dropped/op")
	}
}
