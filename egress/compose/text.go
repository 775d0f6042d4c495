package compose

import (
	"fmt"
	"image"
	"math"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
)

// mask is a rendered text: coverage 0 .. 255, even width and height.
type mask struct {
	w, h int
	a    []byte
}

// texts renders texts and keeps them: a name is drawn once, not once a frame.
// It is used by one goroutine.
type texts struct {
	medium, bold *opentype.Font
	faces        map[faceKey]font.Face
	masks        map[maskKey]*mask
	buf          sfnt.Buffer
}

type faceKey struct {
	bold bool
	size int
}

type maskKey struct {
	faceKey
	text string
	max  int
}

// The bounds of the caches: names come from the network.
const (
	maxFaces = 16
	maxMasks = 256
)

func newTexts() (*texts, error) {
	medium, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the medium font: %w", err)
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the bold font: %w", err)
	}
	return &texts{medium: medium, bold: bold,
		faces: make(map[faceKey]font.Face), masks: make(map[maskKey]*mask)}, nil
}

// face returns a face of a size in pixels, nil when the font cannot give it.
func (t *texts) face(k faceKey) font.Face {
	if f, ok := t.faces[k]; ok {
		return f
	}
	if len(t.faces) >= maxFaces {
		clear(t.faces)
	}
	of := t.medium
	if k.bold {
		of = t.bold
	}
	f, err := opentype.NewFace(of, &opentype.FaceOptions{Size: float64(k.size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil
	}
	t.faces[k] = f
	return f
}

// render returns a text in one line, cut with an ellipsis to a width in pixels.
// Signs that the font lacks (it has Latin, Greek and Cyrillic) are left out; the
// mask is empty when nothing is left.
func (t *texts) render(text string, size, maxWidth int, bold bool) *mask {
	key := maskKey{faceKey{bold, size}, text, maxWidth}
	if m, ok := t.masks[key]; ok {
		return m
	}
	if len(t.masks) >= maxMasks {
		clear(t.masks)
	}
	m := &mask{}
	if f := t.face(key.faceKey); f != nil {
		if text = t.clean(text); text != "" {
			m = draw(f, text, maxWidth)
		}
	}
	t.masks[key] = m
	return m
}

func draw(f font.Face, text string, maxWidth int) *mask {
	runes := []rune(text)
	for len(runes) > 0 && font.MeasureString(f, text).Ceil() > maxWidth {
		runes = runes[:len(runes)-1]
		text = strings.TrimRight(string(runes), " ") + "…"
	}
	metrics := f.Metrics()
	w := (font.MeasureString(f, text).Ceil() + 2) &^ 1
	h := (metrics.Ascent.Ceil() + metrics.Descent.Ceil() + 1) &^ 1
	img := image.NewAlpha(image.Rect(0, 0, w, h))
	d := font.Drawer{Dst: img, Src: image.Opaque, Face: f,
		Dot: fixed.P(0, metrics.Ascent.Ceil())}
	d.DrawString(text)
	return &mask{w: w, h: h, a: img.Pix}
}

// clean drops what cannot be drawn in a line and bounds the length.
func (t *texts) clean(s string) string {
	out := make([]rune, 0, 64)
	for _, r := range s {
		if len(out) == 64 {
			break
		}
		switch {
		case unicode.IsSpace(r):
			out = append(out, ' ')
		case unicode.IsPrint(r):
			if i, err := t.medium.GlyphIndex(&t.buf, r); err == nil && i != 0 {
				out = append(out, r)
			}
		}
	}
	return strings.TrimSpace(string(out))
}

// initial returns the letter on somebody's card.
func (t *texts) initial(name string) string {
	for _, r := range t.clean(name) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// disc returns a filled circle with a soft edge.
func (t *texts) disc(radius int) *mask {
	key := maskKey{faceKey{false, -radius}, "", 0}
	if m, ok := t.masks[key]; ok {
		return m
	}
	if len(t.masks) >= maxMasks {
		clear(t.masks)
	}
	side := 2*radius + 2
	m := &mask{w: side, h: side, a: make([]byte, side*side)}
	for y := range side {
		for x := range side {
			dx, dy := float64(x)-float64(side-1)/2, float64(y)-float64(side-1)/2
			inside := float64(radius) - math.Hypot(dx, dy) + 0.5
			m.a[y*side+x] = byte(255 * min(max(inside, 0), 1))
		}
	}
	t.masks[key] = m
	return m
}

// paint draws a text in a colour at an even position; what would stick out of
// clip is left out.
func (m *mask) paint(p *media.Picture, x, y int, c Colour, clip layout.Rect) {
	r := meet(layout.Rect{X: x, Y: y, W: m.w, H: m.h}, clip)
	for j := r.Y; j < r.Y+r.H; j++ {
		row := p.Y[j*p.StrideY:]
		for i := r.X; i < r.X+r.W; i++ {
			if a := m.a[(j-y)*m.w+i-x]; a != 0 {
				row[i] = mix(row[i], c.Y, a)
			}
		}
	}
	for j := r.Y &^ 1; j < r.Y+r.H; j += 2 {
		for i := r.X &^ 1; i < r.X+r.W; i += 2 {
			if a := m.at(i-x, j-y); a != 0 {
				at := j/2*p.StrideU + i/2
				p.U[at], p.V[at] = mix(p.U[at], c.U, a), mix(p.V[at], c.V, a)
			}
		}
	}
}

// at returns the coverage of the 2×2 pixels at an even position.
func (m *mask) at(x, y int) byte {
	if x < 0 || y < 0 || x+1 >= m.w || y+1 >= m.h {
		return 0
	}
	i := y*m.w + x
	return byte((int(m.a[i]) + int(m.a[i+1]) + int(m.a[i+m.w]) + int(m.a[i+m.w+1])) / 4)
}

func mix(under, over, a byte) byte {
	return byte((int(under)*(255-int(a)) + int(over)*int(a) + 127) / 255)
}
