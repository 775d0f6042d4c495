package compose

import (
	"hash/fnv"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
)

// Colour is a colour as the canvas holds it: BT.601, limited range, as WebRTC
// cameras send.
type Colour struct{ Y, U, V byte }

// RGB converts from 8-bit sRGB.
func RGB(r, g, b byte) Colour {
	fr, fg, fb := float64(r), float64(g), float64(b)
	return Colour{
		Y: byte(16.5 + 0.256788*fr + 0.504129*fg + 0.097906*fb),
		U: byte(128.5 - 0.148223*fr - 0.290993*fg + 0.439216*fb),
		V: byte(128.5 + 0.439216*fr - 0.367788*fg - 0.071427*fb),
	}
}

// The colours of the stage.
var (
	background = RGB(0x10, 0x14, 0x18)
	ring       = RGB(0x3d, 0xd6, 0xa3)
	white      = RGB(0xf4, 0xf6, 0xf8)
	faint      = RGB(0x8d, 0x99, 0xa6)
)

// cards are calm backgrounds for people without video; each comes with a
// lighter one for the disc behind the initial.
var cards = []struct{ back, disc Colour }{
	{RGB(0x24, 0x31, 0x40), RGB(0x3d, 0x5a, 0x80)},
	{RGB(0x2a, 0x36, 0x30), RGB(0x4a, 0x7c, 0x59)},
	{RGB(0x3a, 0x2d, 0x33), RGB(0x8c, 0x4a, 0x5c)},
	{RGB(0x33, 0x2d, 0x40), RGB(0x6b, 0x56, 0x8f)},
	{RGB(0x3b, 0x33, 0x28), RGB(0x96, 0x6f, 0x3d)},
	{RGB(0x25, 0x37, 0x3a), RGB(0x3e, 0x7c, 0x86)},
}

// cardOf picks a card colour that stays the same for a participant.
func cardOf(id string) (back, disc Colour) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	c := cards[h.Sum32()%uint32(len(cards))]
	return c.back, c.disc
}

// fill paints a rectangle inside the picture; all numbers are even.
func fill(p *media.Picture, r layout.Rect, c Colour) {
	for y := r.Y; y < r.Y+r.H; y++ {
		set(p.Y[y*p.StrideY+r.X:][:r.W], c.Y)
	}
	for y := r.Y / 2; y < (r.Y+r.H)/2; y++ {
		set(p.U[y*p.StrideU+r.X/2:][:r.W/2], c.U)
		set(p.V[y*p.StrideV+r.X/2:][:r.W/2], c.V)
	}
}

func set(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// frame paints a border of a width inside a rectangle.
func frame(p *media.Picture, r layout.Rect, width int, c Colour) {
	width = min(width, r.W/2&^1, r.H/2&^1)
	fill(p, layout.Rect{X: r.X, Y: r.Y, W: r.W, H: width}, c)
	fill(p, layout.Rect{X: r.X, Y: r.Y + r.H - width, W: r.W, H: width}, c)
	fill(p, layout.Rect{X: r.X, Y: r.Y + width, W: width, H: r.H - 2*width}, c)
	fill(p, layout.Rect{X: r.X + r.W - width, Y: r.Y + width, W: width, H: r.H - 2*width}, c)
}

// inset makes a rectangle smaller at all sides.
func inset(r layout.Rect, by int) layout.Rect {
	by = min(by, (r.W-2)/2&^1, (r.H-2)/2&^1)
	return layout.Rect{X: r.X + by, Y: r.Y + by, W: r.W - 2*by, H: r.H - 2*by}
}
