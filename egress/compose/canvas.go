package compose

import (
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
)

// Item is one tile as it is to be seen now.
type Item struct {
	// ID of the participant; picks the colour of the card.
	ID   string
	Name string
	Rect layout.Rect
	// Picture to show, nil for a card with the name. Serial changes with each
	// new picture, so that a still one is not drawn again.
	Picture *media.Picture
	Serial  uint64
	// Whole shows the picture uncropped.
	Whole    bool
	Speaking bool
	// Plain leaves the name out: a shared screen is not covered.
	Plain bool
}

// Canvas is the picture of the programme. It is used by one goroutine.
type Canvas struct {
	pic   *media.Picture
	texts *texts
	shown []Item
	blank bool // nothing was ever drawn
	slate string
	stats Stats
}

// Stats counts what a canvas did.
type Stats struct {
	Drawn   uint64 // tiles painted
	Spared  uint64 // tiles left as they were
	Cleared uint64 // times everything was painted anew
}

// NewCanvas returns a canvas of an even size.
func NewCanvas(width, height int) (*Canvas, error) {
	t, err := newTexts()
	if err != nil {
		return nil, err
	}
	return &Canvas{pic: media.NewPicture(width, height), texts: t, blank: true}, nil
}

// Picture returns the canvas; the next Draw changes it.
func (c *Canvas) Picture() *media.Picture { return c.pic }

// Stats returns the counters.
func (c *Canvas) Stats() Stats { return c.stats }

// Draw brings the canvas up to date and tells whether anything changed. Without
// items it shows the slate, a line of text.
func (c *Canvas) Draw(items []Item, slate string) bool {
	changed := c.blank || !sameTiles(c.shown, items) || len(items) == 0 && slate != c.slate
	if changed {
		c.stats.Cleared++
		fill(c.pic, layout.Rect{W: c.pic.Width, H: c.pic.Height}, background)
		if len(items) == 0 {
			c.drawSlate(slate)
		}
	}
	all := changed
	for i := range items {
		if !all && !differs(&c.shown[i], &items[i]) {
			c.stats.Spared++
			continue
		}
		c.stats.Drawn++
		c.drawItem(&items[i], len(items) > 1)
		changed = true
	}
	c.shown = append(c.shown[:0], items...)
	c.blank, c.slate = false, slate
	return changed
}

// sameTiles tells whether the tiles are the same people at the same places.
func sameTiles(a, b []Item) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Rect != b[i].Rect || a[i].ID != b[i].ID || a[i].Plain != b[i].Plain {
			return false
		}
	}
	return true
}

func differs(a, b *Item) bool {
	return (a.Picture == nil) != (b.Picture == nil) || a.Picture != nil && a.Serial != b.Serial ||
		a.Name != b.Name || a.Speaking != b.Speaking || a.Whole != b.Whole
}

// drawItem paints one tile: picture or card, name, ring.
func (c *Canvas) drawItem(it *Item, border bool) {
	unit := max(c.pic.Height/360, 1) * 2 // 2 px up to 540 lines, 4 at 720
	clip := it.Rect
	if border {
		frame(c.pic, it.Rect, unit, background)
		clip = inset(it.Rect, unit)
	}
	if it.Picture == nil {
		c.drawCard(it, clip)
	} else {
		if it.Whole && (it.Picture.Width != it.Rect.W || it.Picture.Height != it.Rect.H) {
			fill(c.pic, clip, background) // the bars
		}
		blit(c.pic, it.Rect, clip, it.Picture, it.Whole)
	}
	if !it.Plain {
		c.drawName(it, clip)
	}
	if it.Speaking {
		frame(c.pic, it.Rect, unit+unit/2&^1, ring)
	}
}

// drawCard paints what is shown of somebody without video.
func (c *Canvas) drawCard(it *Item, clip layout.Rect) {
	back, disc := cardOf(it.ID)
	fill(c.pic, clip, back)
	radius := min(clip.W, clip.H) / 5
	cx, cy := clip.X+clip.W/2, clip.Y+clip.H/2
	d := c.texts.disc(radius)
	d.paint(c.pic, (cx-d.w/2)&^1, (cy-d.h/2)&^1, disc, clip)
	m := c.texts.render(c.texts.initial(it.Name), max(radius, 10), 2*radius, true)
	m.paint(c.pic, (cx-m.w/2)&^1, (cy-m.h/2)&^1, white, clip)
}

// drawName paints the name at the lower left on a darkened patch.
func (c *Canvas) drawName(it *Item, clip layout.Rect) {
	size := min(max(c.pic.Height/36, 10), max(clip.H/7, 8))
	pad := size / 2 &^ 1
	if it.Name == "" || clip.W < 6*size || clip.H < 5*size {
		return
	}
	m := c.texts.render(it.Name, size, clip.W-4*pad-2, false)
	if m.w == 0 {
		return
	}
	r := layout.Rect{X: clip.X + pad, W: m.w + 2*pad, H: m.h + pad&^1}
	r.Y = (clip.Y + clip.H - r.H - pad) &^ 1
	c.darken(meet(r, clip))
	m.paint(c.pic, r.X+pad, r.Y+(r.H-m.h)/2&^1, white, clip)
}

// darken halves the light and the colour of a rectangle.
func (c *Canvas) darken(r layout.Rect) {
	p := c.pic
	for y := r.Y; y < r.Y+r.H; y++ {
		row := p.Y[y*p.StrideY+r.X:][:r.W]
		for x, v := range row {
			row[x] = byte((int(v)*90 + 16*166) >> 8)
		}
	}
	for y := r.Y / 2; y < (r.Y+r.H)/2; y++ {
		u, v := p.U[y*p.StrideU+r.X/2:][:r.W/2], p.V[y*p.StrideV+r.X/2:][:r.W/2]
		for x := range u {
			u[x] = byte((int(u[x])*90 + 128*166) >> 8)
			v[x] = byte((int(v[x])*90 + 128*166) >> 8)
		}
	}
}

// drawSlate paints a line of text in the middle of an empty canvas.
func (c *Canvas) drawSlate(text string) {
	m := c.texts.render(text, max(c.pic.Height/18, 12), c.pic.Width*9/10, false)
	all := layout.Rect{W: c.pic.Width, H: c.pic.Height}
	m.paint(c.pic, (c.pic.Width-m.w)/2&^1, (c.pic.Height-m.h)/2&^1, faint, all)
}
