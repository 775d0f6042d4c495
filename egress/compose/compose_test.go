package compose

import (
	"fmt"
	"math"
	"testing"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
)

func picture(w, h int, c Colour) *media.Picture {
	p := media.NewPicture(w, h)
	fill(p, layout.Rect{W: w, H: h}, c)
	return p
}

// at returns the colour of a pixel.
func at(p *media.Picture, x, y int) Colour {
	i := y/2*p.StrideU + x/2
	return Colour{p.Y[y*p.StrideY+x], p.U[i], p.V[i]}
}

func newCanvas(t testing.TB, w, h int) *Canvas {
	t.Helper()
	c, err := NewCanvas(w, h)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	red  = RGB(0xd0, 0x20, 0x20)
	blue = RGB(0x20, 0x20, 0xd0)
)

func TestTilesLandWhereTheLayoutSays(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {320, 180}, {360, 640}} {
		for _, n := range []int{1, 2, 3, 5, 8, 12, layout.MaxTiles} {
			c := newCanvas(t, size[0], size[1])
			var items []Item
			rects := layout.Grid(n, size[0], size[1])
			for i, r := range rects {
				// Half of them have the tile's size, the others must be scaled.
				w, h := r.W, r.H
				if i%2 == 1 {
					w, h = 160, 90
				}
				items = append(items, Item{ID: fmt.Sprint(i), Name: "Somebody", Rect: r,
					Picture: picture(w, h, RGB(byte(i*10), 100, byte(250-i*10)))})
			}
			c.Draw(items, "")
			for i, r := range rects {
				if got, want := at(c.Picture(), r.X+r.W/2, r.Y+r.H/2), RGB(byte(i*10), 100, byte(250-i*10)); got != want {
					t.Fatalf("%v, %d tiles: tile %d shows %v, want %v", size, n, i, got, want)
				}
			}
		}
	}
}

func TestOnlyChangesAreDrawn(t *testing.T) {
	c := newCanvas(t, 640, 360)
	rects := layout.Grid(2, 640, 360)
	items := []Item{
		{ID: "a", Name: "Ada", Rect: rects[0], Picture: picture(rects[0].W, rects[0].H, red), Serial: 1},
		{ID: "b", Name: "Bob", Rect: rects[1]},
	}
	if !c.Draw(items, "") {
		t.Error("the first picture is no change")
	}
	if c.Draw(items, "") {
		t.Error("the same again is a change")
	}
	steps := []struct {
		name   string
		change func()
		drawn  uint64
	}{
		{"new picture", func() { items[0].Serial++ }, 1},
		{"speaking", func() { items[1].Speaking = true }, 1},
		{"camera off", func() { items[0].Picture = nil }, 1},
		{"name", func() { items[1].Name = "Bobby" }, 1},
		{"places", func() { items[0].Rect, items[1].Rect = items[1].Rect, items[0].Rect }, 2},
		{"gone", func() { items = items[:0] }, 0},
	}
	for _, s := range steps {
		before := c.Stats().Drawn
		s.change()
		if !c.Draw(items, "slate") {
			t.Errorf("%s: no change", s.name)
		}
		if got := c.Stats().Drawn - before; got != s.drawn {
			t.Errorf("%s: %d tiles drawn, want %d", s.name, got, s.drawn)
		}
		if c.Draw(items, "slate") {
			t.Errorf("%s: changes twice", s.name)
		}
	}
}

func TestCardRingNameAndSlate(t *testing.T) {
	c := newCanvas(t, 1280, 720)
	rects := layout.Grid(2, 1280, 720)
	r := rects[0]
	items := []Item{{ID: "a", Name: "Ada", Rect: r, Speaking: true}, {ID: "b", Rect: rects[1]}}
	c.Draw(items, "")
	back, disc := cardOf("a")
	p := c.Picture()
	for _, tc := range []struct {
		what string
		x, y int
		want Colour
	}{
		{"card", r.X + 40, r.Y + 40, back},
		{"disc", r.X + r.W/2 - r.H/6, r.Y + r.H/2, disc},
		{"ring", r.X + 2, r.Y + r.H/2, ring},
		{"no ring", rects[1].X + 2, r.Y + r.H/2, background},
		{"beside", 2, 2, background},
	} {
		if got := at(p, tc.x, tc.y); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
	if n := bright(p, layout.Rect{X: r.X + 8, Y: r.Y + r.H - 60, W: 120, H: 50}); n < 100 {
		t.Errorf("the name has %d bright pixels", n)
	}
	if n := bright(p, layout.Rect{X: rects[1].X + 8, Y: r.Y + r.H - 60, W: 120, H: 50}); n != 0 {
		t.Errorf("somebody without a name has %d bright pixels", n)
	}
	c.Draw(nil, "Back soon")
	shades := map[byte]bool{}
	for _, y := range p.Y {
		shades[y] = true
	}
	if len(shades) < 10 {
		t.Error("the slate says nothing")
	}
}

func bright(p *media.Picture, r layout.Rect) (n int) {
	for y := r.Y; y < r.Y+r.H; y++ {
		for x := r.X; x < r.X+r.W; x++ {
			if p.Y[y*p.StrideY+x] > 180 {
				n++
			}
		}
	}
	return n
}

func TestWholePicturesKeepTheirShape(t *testing.T) {
	c := newCanvas(t, 320, 180)
	c.Draw([]Item{{ID: "a", Rect: layout.Rect{W: 320, H: 180}, Picture: picture(100, 100, red), Whole: true, Plain: true}}, "")
	for x, want := range map[int]Colour{20: background, 160: red, 300: background} {
		if got := at(c.Picture(), x, 90); got != want {
			t.Errorf("at %d: %v, want %v", x, got, want)
		}
	}
}

func TestHostileNames(t *testing.T) {
	long := ""
	for range 5000 {
		long += "Ω"
	}
	for _, name := range []string{"", "\x00\x1b[31m", "\xff\xfe", long, "田中", "👩‍👩‍👧", "a\nb", "\u202eevil"} {
		for _, size := range [][2]int{{64, 64}, {320, 180}} {
			c := newCanvas(t, size[0], size[1])
			for _, r := range layout.Grid(6, size[0], size[1]) {
				c.Draw([]Item{{ID: name, Name: name, Rect: r}, {ID: "x", Rect: layout.Rect{W: 2, H: 2}}}, name)
			}
		}
	}
	if got := newTextsMust(t).initial("田中"); got != "•" {
		t.Errorf("initial %q", got)
	}
	if got := newTextsMust(t).initial("  ädel"); got != "Ä" {
		t.Errorf("initial %q", got)
	}
}

func newTextsMust(t *testing.T) *texts {
	t.Helper()
	x, err := newTexts()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	c, items := busyCanvas(t)
	c.Draw(items, "")
	if n := testing.AllocsPerRun(20, func() {
		for i := range items {
			items[i].Serial++
		}
		c.Draw(items, "")
	}); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

// busyCanvas is four people on 720 lines.
func busyCanvas(t testing.TB) (*Canvas, []Item) {
	var items []Item
	for i, r := range layout.Grid(4, 1280, 720) {
		items = append(items, Item{ID: fmt.Sprint(i), Name: "Somebody", Rect: r,
			Picture: picture(r.W, r.H, blue), Speaking: i == 0})
	}
	return newCanvas(t, 1280, 720), items
}

func BenchmarkDraw4(b *testing.B) {
	c, items := busyCanvas(b)
	b.ReportAllocs()
	for b.Loop() {
		for i := range items {
			items[i].Serial++
		}
		c.Draw(items, "")
	}
}

func BenchmarkDrawStill(b *testing.B) {
	c, items := busyCanvas(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Draw(items, "")
	}
}

func TestLimiter(t *testing.T) {
	var m Mixer
	quiet := sine(0.5, 960*10)
	before := append([]float32(nil), quiet...)
	m.Limit(quiet)
	for i := range quiet {
		if quiet[i] != before[i] {
			t.Fatal("sound below the ceiling is changed")
		}
	}
	loud := sine(4, 960*100)
	m.Limit(loud)
	var last, step float64
	for i := 0; i < len(loud); i += 2 {
		v := float64(loud[i])
		if math.Abs(v) > 1 {
			t.Fatalf("sample %d is %v", i, v)
		}
		step = max(step, math.Abs(v-last))
		last = v
	}
	if step > 0.25 { // the loud sine itself moves 0.23 a sample
		t.Errorf("a click of %v", step)
	}
	if m.gain > 0.3 {
		t.Errorf("gain %v under a loud sum", m.gain)
	}
	for range 300 {
		m.Limit(make([]float32, 960*2))
	}
	if m.gain < 0.99 {
		t.Errorf("gain %v after six quiet seconds", m.gain)
	}
	broken := []float32{float32(math.NaN()), float32(math.Inf(1)), 0.1, 0.1}
	m.Limit(broken)
	for i, v := range broken {
		if v != v || v > 1 || v < -1 {
			t.Errorf("sample %d is %v", i, v)
		}
	}
}

func sine(amp float64, samples int) []float32 {
	out := make([]float32, 2*samples)
	for i := range samples {
		v := float32(amp * math.Sin(2*math.Pi*440*float64(i)/48000))
		out[2*i], out[2*i+1] = v, v
	}
	return out
}
