package layout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meetcast/meetcast/sfu/track"
)

var canvases = [][2]int{{1280, 720}, {1920, 1080}, {320, 180}, {720, 1280}, {640, 480}}

func TestRectsAreEvenInsideAndApart(t *testing.T) {
	for _, c := range canvases {
		for n := 1; n <= MaxTiles; n++ {
			grid := Grid(n, c[0], c[1])
			if len(grid) != n {
				t.Fatalf("Grid(%d, %v) has %d tiles", n, c, len(grid))
			}
			check(t, fmt.Sprintf("Grid(%d, %v)", n, c), grid, c[0], c[1])
			check(t, fmt.Sprintf("Speaker(%d, %v)", n, c), Speaker(n, c[0], c[1]), c[0], c[1])
		}
	}
}

func check(t *testing.T, what string, rects []Rect, w, h int) {
	t.Helper()
	for i, r := range rects {
		if r.X%2 != 0 || r.Y%2 != 0 || r.W%2 != 0 || r.H%2 != 0 {
			t.Errorf("%s: tile %d odd: %v", what, i, r)
		}
		if r.X < 0 || r.Y < 0 || r.W < 2 || r.H < 2 || r.X+r.W > w || r.Y+r.H > h {
			t.Errorf("%s: tile %d outside: %v", what, i, r)
		}
		for j, o := range rects[:i] {
			if r.X < o.X+o.W && o.X < r.X+r.W && r.Y < o.Y+o.H && o.Y < r.Y+r.H {
				t.Errorf("%s: tiles %d and %d overlap: %v %v", what, i, j, r, o)
			}
		}
	}
}

func TestGrid(t *testing.T) {
	tests := []struct {
		n    int
		want []Rect
	}{
		{0, nil},
		{1, []Rect{{0, 0, 1280, 720}}},
		{2, []Rect{{0, 120, 640, 480}, {640, 120, 640, 480}}},
		{3, []Rect{{0, 0, 640, 360}, {640, 0, 640, 360}, {320, 360, 640, 360}}},
		{4, []Rect{{0, 0, 640, 360}, {640, 0, 640, 360}, {0, 360, 640, 360}, {640, 360, 640, 360}}},
	}
	for _, tc := range tests {
		if diff := cmp.Diff(tc.want, Grid(tc.n, 1280, 720)); diff != "" {
			t.Errorf("Grid(%d) (-want +got):\n%s", tc.n, diff)
		}
	}
	if got := len(Grid(99, 1280, 720)); got != MaxTiles {
		t.Errorf("Grid(99) has %d tiles", got)
	}
}

func members(ids ...string) (out []Member) {
	for _, id := range ids {
		out = append(out, Member{ID: track.MemberID(id)})
	}
	return out
}

func TestArrange(t *testing.T) {
	screen := members("a", "b", "c")
	screen[1].Screen = true
	many := make([]Member, 40)
	for i := range many {
		many[i].ID = track.MemberID(fmt.Sprintf("m%02d", i))
	}
	tests := []struct {
		name  string
		scene Scene
		first Tile
		order []string
	}{
		{"empty", Scene{}, Tile{}, nil},
		{"grid keeps the order of joining", Scene{Members: members("c", "a", "b"), Speaker: "b"},
			Tile{Member: "c", Source: track.Camera, Rect: Rect{0, 0, 640, 360}}, []string{"c", "a", "b"}},
		{"speaker large", Scene{Mode: ModeSpeaker, Members: members("a", "b", "c"), Speaker: "b"},
			Tile{Member: "b", Source: track.Camera, Rect: Rect{0, 0, 1024, 720}, Main: true}, []string{"b", "a", "c"}},
		{"speaker gone", Scene{Mode: ModeSpeaker, Members: members("a", "b"), Speaker: "x"},
			Tile{Member: "a", Source: track.Camera, Rect: Rect{0, 0, 1024, 720}, Main: true}, []string{"a", "b"}},
		{"alone in speaker", Scene{Mode: ModeSpeaker, Members: members("a"), Speaker: "a"},
			Tile{Member: "a", Source: track.Camera, Rect: Rect{0, 0, 1280, 720}}, []string{"a"}},
		{"screen wins in the grid", Scene{Members: screen},
			Tile{Member: "b", Source: track.Screen, Rect: Rect{0, 0, 1024, 720}, Whole: true, Main: true}, []string{"b", "a", "b", "c"}},
		{"those heard are shown", Scene{Mode: ModeSpeaker, Members: many, Speaker: "m00",
			Recent: []track.MemberID{"m39", "m20"}},
			Tile{Member: "m00", Source: track.Camera, Rect: Rect{0, 0, 1024, 720}, Main: true},
			[]string{"m00", "m01", "m02", "m03", "m20", "m39"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tiles := Arrange(tc.scene, 1280, 720)
			var order []string
			for _, tile := range tiles {
				order = append(order, string(tile.Member))
			}
			if !slices.Equal(order, tc.order) {
				t.Fatalf("order %v, want %v", order, tc.order)
			}
			if len(tiles) > 0 {
				if diff := cmp.Diff(tc.first, tiles[0]); diff != "" {
					t.Errorf("first tile (-want +got):\n%s", diff)
				}
			}
		})
	}
	if got := len(Arrange(Scene{Members: many}, 1280, 720)); got != MaxTiles {
		t.Errorf("%d tiles for 40 members", got)
	}
}

func TestDominantHolds(t *testing.T) {
	var d Dominant
	all := []track.MemberID{"a", "b", "c"}
	at := time.Unix(1000, 0)
	step := func(after time.Duration, want track.MemberID, speakers ...track.MemberID) {
		t.Helper()
		at = at.Add(after)
		if got := d.Update(at, speakers, all); got != want {
			t.Fatalf("at %v: %s, want %s", at.Sub(time.Unix(1000, 0)), got, want)
		}
	}
	step(0, "a")                              // nobody speaks: the first
	step(time.Second, "a", "b")               // too soon
	step(time.Second, "b", "b")               // held 2 s, b loudest for 1 s
	step(100*time.Millisecond, "b", "c")      // a cough
	step(3*time.Second, "b")                  // silence keeps b
	step(100*time.Millisecond, "b", "c", "b") // c only just began
	step(600*time.Millisecond, "c", "c")      // and stayed
	all = []track.MemberID{"a", "b"}
	step(10*time.Millisecond, "b", "b") // c left: at once
	all = nil
	step(time.Second, "")
}

func TestParseMode(t *testing.T) {
	for name, want := range map[string]Mode{"": ModeGrid, "grid": ModeGrid, "speaker": ModeSpeaker, "mosaic": ""} {
		if m, ok := ParseMode(name); m != want || ok != (want != "") {
			t.Errorf("ParseMode(%q) = %q, %v", name, m, ok)
		}
	}
}
