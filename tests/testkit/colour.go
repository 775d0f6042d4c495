package testkit

import "math"

// Colour is a camera's colour.
type Colour struct {
	Name    string
	R, G, B uint8
}

// The colours of cameras: 60 degrees of hue apart, so that no codec and no
// mixed-up colour matrix turns one into another.
var (
	Red     = Colour{"red", 200, 20, 20}
	Yellow  = Colour{"yellow", 190, 190, 20}
	Green   = Colour{"green", 20, 170, 20}
	Cyan    = Colour{"cyan", 20, 180, 180}
	Blue    = Colour{"blue", 30, 30, 220}
	Magenta = Colour{"magenta", 200, 20, 200}
)

// Colours lists all of them, in the order of their hue.
var Colours = []Colour{Red, Yellow, Green, Cyan, Blue, Magenta}

// None is returned where no camera's colour is seen: black, white and greys.
var None = Colour{Name: "none"}

// Frame is a decoded picture, 8-bit RGBA, rows without padding.
type Frame struct {
	Width, Height int
	Pix           []byte
}

// Rect is a part of a picture, in pixels.
type Rect struct{ X, Y, W, H int }

// Bounds is the whole picture.
func (f *Frame) Bounds() Rect { return Rect{0, 0, f.Width, f.Height} }

// Inset returns the rectangle less a share of its size on every side, to keep
// clear of borders, rounded corners and scaling.
func (r Rect) Inset(share float64) Rect {
	dx, dy := int(float64(r.W)*share), int(float64(r.H)*share)
	return Rect{r.X + dx, r.Y + dy, r.W - 2*dx, r.H - 2*dy}
}

// Part returns a part of the rectangle given in shares of its size.
func (r Rect) Part(x, y, w, h float64) Rect {
	return Rect{
		r.X + int(x*float64(r.W)), r.Y + int(y*float64(r.H)),
		max(int(w*float64(r.W)), 1), max(int(h*float64(r.H)), 1),
	}
}

// Mean returns the mean colour of a rectangle, cut to the picture.
func (f *Frame) Mean(r Rect) (red, green, blue float64) {
	n := 0.0
	f.each(r, func(p []byte) {
		red, green, blue = red+float64(p[0]), green+float64(p[1]), blue+float64(p[2])
		n++
	})
	if n == 0 {
		return 0, 0, 0
	}
	return red / n, green / n, blue / n
}

// Luma returns the mean brightness of a rectangle, 0..255.
func (f *Frame) Luma(r Rect) float64 {
	red, green, blue := f.Mean(r)
	return 0.299*red + 0.587*green + 0.114*blue
}

func (f *Frame) each(r Rect, do func(p []byte)) {
	for y := max(r.Y, 0); y < min(r.Y+r.H, f.Height); y++ {
		for x := max(r.X, 0); x < min(r.X+r.W, f.Width); x++ {
			i := (y*f.Width + x) * 4
			do(f.Pix[i : i+3])
		}
	}
}

// Dominant returns the camera colour that fills most of a rectangle and the
// share of the pixels that have it. None wins when colourless pixels do.
func (f *Frame) Dominant(r Rect) (Colour, float64) {
	counts := map[Colour]int{}
	total := 0
	f.each(r, func(p []byte) {
		counts[nameOf(p[0], p[1], p[2])]++
		total++
	})
	best, most := None, 0
	for _, c := range append([]Colour{None}, Colours...) {
		if counts[c] > most {
			best, most = c, counts[c]
		}
	}
	if total == 0 {
		return None, 0
	}
	return best, float64(most) / float64(total)
}

// CameraColour returns the colour of the camera shown in a tile. It looks only
// at the band that cameras keep free of the code, away from edges and from the
// labels at the bottom.
func (f *Frame) CameraColour(tile Rect) Colour {
	c, share := f.Dominant(tile.Part(0.2, 0.12, 0.6, 0.16))
	if share < 0.6 {
		return None
	}
	return c
}

// nameOf returns the camera colour with the nearest hue, None for pixels
// without much colour.
func nameOf(r, g, b uint8) Colour {
	red, green, blue := float64(r), float64(g), float64(b)
	high, low := max(red, green, blue), min(red, green, blue)
	chroma := high - low
	if chroma < 60 || chroma < high*0.4 {
		return None
	}
	var hue float64 // 0..6
	switch high {
	case red:
		hue = math.Mod((green-blue)/chroma+6, 6)
	case green:
		hue = (blue-red)/chroma + 2
	default:
		hue = (red-green)/chroma + 4
	}
	return Colours[int(math.Round(hue))%6]
}

// yuv returns the colour in BT.601 limited range, what cameras of this size use.
func (c Colour) yuv() (y, u, v byte) {
	r, g, b := float64(c.R), float64(c.G), float64(c.B)
	return byte(16 + 0.257*r + 0.504*g + 0.098*b),
		byte(128 - 0.148*r - 0.291*g + 0.439*b),
		byte(128 + 0.439*r - 0.368*g - 0.071*b)
}
