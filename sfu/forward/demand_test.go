package forward

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/layer"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// stage is a publisher of simulcast that obeys what it is told.
type stage struct {
	c    *clock
	up   *Track
	rids []string
	told [][]string
	seq  uint16
	key  map[string]bool
}

func newStage(rids ...string) *stage {
	s := &stage{c: &clock{time.Unix(1000, 0)}, rids: rids, key: map[string]bool{}}
	s.up = NewTrack(TrackConfig{Info: track.Info{ID: "t", Kind: track.Video, Source: track.Camera, Codec: packet.VP8, ClockRate: 90000},
		RIDs: rids, Feedback: &asked{}, Now: s.c.now, WantedChanged: func(r []string) { s.told = append(s.told, r) }})
	if len(rids) == 0 {
		s.rids = []string{""}
	}
	return s
}

func (s *stage) wanted() []string {
	if len(s.told) == 0 {
		return s.rids
	}
	return s.told[len(s.told)-1]
}

// run lets time pass, with a packet of each wanted layer every 50 ms.
func (s *stage) run(d time.Duration) {
	for ; d > 0; d -= 50 * time.Millisecond {
		s.c.tick(50 * time.Millisecond)
		s.seq++
		for i, rid := range s.rids {
			on := slices.Contains(s.wanted(), rid)
			if on {
				width := 0
				if !s.key[rid] {
					width = 320 << i
				}
				s.up.Lane(rid).Receive(append(raw(uint32(i+1), s.seq, width), make([]byte, 300<<i)...), s.c.t)
			}
			s.key[rid] = on
		}
		s.up.Tick(s.c.t)
	}
}

func (s *stage) viewer() *Down {
	d := NewDown(DownConfig{Kind: track.Video, Now: s.c.now})
	o := everything
	o.Writer = &sink{}
	d.Open(o)
	d.Bind(s.up, hd)
	return d
}

func TestLayersNobodyWantsArePaused(t *testing.T) {
	s := newStage("q", "h", "f")
	d := s.viewer()
	d.SetLayer(1)
	s.run(1500 * time.Millisecond)
	if len(s.told) != 0 {
		t.Fatalf("told %v at once", s.told)
	}
	s.run(time.Second)
	if len(s.told) != 1 || strings.Join(s.told[0], " ") != "h" {
		t.Fatalf("told %v, want h", s.told)
	}
	s.run(10 * time.Second)
	layers := s.up.Layers()
	for i, l := range layers {
		if !l.Active || l.Paused != (i != 1) || l.Bitrate == 0 || l.Size.Width != 320<<i {
			t.Fatalf("%+v", layers)
		}
	}
	// Who wants more can choose it, and it goes on at once.
	if i := layer.Choose(layers, track.Size{Width: 1280, Height: 1280}); i != 2 {
		t.Fatalf("layer %d is chosen", i)
	}
	d.SetLayer(2)
	if strings.Join(s.wanted(), " ") != "h f" {
		t.Fatalf("told %v", s.told)
	}
	s.run(500 * time.Millisecond)
	if d.Layer() != 2 {
		t.Fatalf("layer %d", d.Layer())
	}
	s.run(3 * time.Second)
	if strings.Join(s.wanted(), " ") != "f" {
		t.Fatalf("told %v", s.told)
	}
	d.SetLayer(-1)
	s.run(1500 * time.Millisecond)
	d.SetLayer(2) // back in time
	n := len(s.told)
	s.run(5 * time.Second)
	if len(s.told) != n {
		t.Fatalf("told %v for a moment's absence", s.told[n:])
	}
	d.Close()
	s.run(3 * time.Second)
	if len(s.wanted()) != 0 {
		t.Fatalf("told %v with nobody there", s.told)
	}
}

// A track of one layer is paused as a whole; who does not tell what it wants
// wants everything.
func TestSingleLayerIsPaused(t *testing.T) {
	s := newStage()
	s.run(3 * time.Second)
	if len(s.told) != 1 || len(s.told[0]) != 0 {
		t.Fatalf("told %v", s.told)
	}
	d := s.viewer()
	d.SetLayer(0)
	if len(s.told) != 2 || !slices.Equal(s.told[1], []string{""}) {
		t.Fatalf("told %v", s.told)
	}
	s.run(500 * time.Millisecond)
	if d.Layer() != 0 {
		t.Fatal("no picture came")
	}
	d.Close()
	var tap tracktest.FakeDownTrack
	s.up.Attach(&tap)
	s.run(5 * time.Second)
	if len(s.told) != 2 {
		t.Fatalf("told %v", s.told)
	}
	s.up.Close()
	s.run(5 * time.Second)
	if len(s.told) != 2 {
		t.Fatalf("told %v of a closed track", s.told)
	}
}

// A publisher that cannot send a layer although it is wanted does not keep it
// alive for ever.
func TestHopeEnds(t *testing.T) {
	s := newStage("q", "f")
	d := s.viewer()
	d.SetLayer(0)
	s.run(5 * time.Second)
	d.SetLayer(1)
	s.told = append(s.told, []string{"q"}) // it does not obey
	s.run(time.Second)
	if l := s.up.Layers(); !l[1].Active || l[1].Paused {
		t.Fatalf("%+v", l)
	}
	s.run(demandHope)
	if l := s.up.Layers(); l[1].Active || !l[0].Active {
		t.Fatalf("%+v", l)
	}
}
