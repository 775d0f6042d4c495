package jsep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
)

var ours = Answer{Session: 1, Version: 2, Ufrag: "ours", Pwd: "ourpassword", Fingerprint: Fingerprint{Algorithm: "sha-256", Value: "AA:BB"},
	Candidates: []string{"1 1 udp 2130706431 192.0.2.1 4000 typ host", "2 1 tcp 1671430143 192.0.2.1 4000 typ host tcptype passive"},
	Slot:       func(mid string) Slot { return Slot{ID: "slot-" + mid, SSRC: 10, RTX: 11} }}

// Answers to offers of browsers and encoders, line for line. UPDATE=1 writes them.
func TestWriteGolden(t *testing.T) {
	offers, err := filepath.Glob("testdata/*.offer")
	if err != nil || len(offers) == 0 {
		t.Fatalf("no offers: %v", err)
	}
	for _, path := range offers {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".offer"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			o, err := Parse(strings.ReplaceAll(string(text), "\n", "\r\n"), nil, Limits{AudioSlots: 4, VideoSlots: 4})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(Write(o, ours), "\r\n", "\n")
			golden := strings.TrimSuffix(path, ".offer") + ".answer"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A line that is rejected stays in its place, out of the bundle; one that rests
// stays in it.
func TestWriteRejectsAndRests(t *testing.T) {
	gone := strings.Replace(line("video", "1", "inactive", "VP8/90000"), "m=video 9", "m=video 0", 1)
	o, err := Parse(head+group("0", "2")+line("video", "0", "inactive", "VP8/90000")+gone+line("audio", "2", "recvonly", "opus/48000/2"), nil, Limits{AudioSlots: 1, VideoSlots: 1})
	if err != nil {
		t.Fatal(err)
	}
	a := Write(o, ours)
	if !strings.Contains(a, "BUNDLE 0 2\r\n") || !strings.Contains(a, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n") || strings.Count(a, "a=inactive") != 2 ||
		strings.Count(a, "end-of-candidates") != 1 {
		t.Fatal(a)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head + line("video", "0", "sendonly", "VP8/90000", "rid:q send"))
	f.Add(head + group("0", "1") + line("audio", "0", "recvonly", "opus/48000/2") + line("video", "1", "inactive", "VP8/90000"))
	offers, _ := filepath.Glob("testdata/*.offer")
	for _, path := range offers {
		if text, err := os.ReadFile(path); err == nil {
			f.Add(strings.ReplaceAll(string(text), "\n", "\r\n"))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tracks := range []map[string]track.Source{nil, {"0": track.Camera}} {
			o, err := Parse(text, tracks, Limits{AudioSlots: 3, VideoSlots: 4})
			if err != nil {
				continue
			}
			if len(o.Lines) > MaxLines {
				t.Fatal("too many lines")
			}
			var d sdp.SessionDescription
			if err := d.UnmarshalString(Write(o, ours)); err != nil || len(d.MediaDescriptions) != len(o.Lines) {
				t.Fatalf("%v\n%s", err, Write(o, ours))
			}
		}
	})
}

func FuzzCheckCandidate(f *testing.F) {
	f.Add("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host")
	f.Fuzz(func(_ *testing.T, line string) { _ = CheckCandidate(line) })
}

func BenchmarkAnswer(b *testing.B) {
	text, err := os.ReadFile("testdata/chromium.offer")
	if err != nil {
		b.Fatal(err)
	}
	offer := strings.ReplaceAll(string(text), "\n", "\r\n")
	b.ReportAllocs()
	for b.Loop() {
		o, err := Parse(offer, nil, Limits{AudioSlots: 4, VideoSlots: 4})
		if err != nil {
			b.Fatal(err)
		}
		_ = Write(o, ours)
	}
}
