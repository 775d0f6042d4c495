package testkit

import (
	"errors"
	"fmt"
	"math"
)

// A code is a 12-bit counter drawn as two rows of blocks in the middle of the
// picture. Each row starts with a white and ends with a black block, which tell
// the decoder what white and black look like here:
//
//	W  b11 b10 b9 b8 b7 b6 b5 b4  K
//	W  b3  b2  b1 b0 c3 c2 c1 c0  K
//
// c is a checksum. The geometry is in shares of the picture's size; at 160×90
// a block is still 12×13 pixels.
const (
	codeX, codeY = 0.125, 0.33
	codeW, codeH = 0.75, 0.30
	codeColumns  = 10
	codeRows     = 2

	// CodeModulus is the number of different codes.
	CodeModulus = 1 << 12
)

// ErrNoCode is returned where no code can be read.
var ErrNoCode = errors.New("no code in the picture")

// codeBits returns the blocks of a code, row by row, true = white.
func codeBits(code int) [codeRows * codeColumns]bool {
	word := code<<4 | checksum(code)
	var bits [codeRows * codeColumns]bool
	for row := range codeRows {
		bits[row*codeColumns] = true
		for i := range 8 {
			bits[row*codeColumns+1+i] = word>>(15-row*8-i)&1 == 1
		}
	}
	return bits
}

// checksum makes neither all black nor all white a code.
func checksum(code int) int {
	return (code>>8 ^ code>>4 ^ code ^ 0x9) & 0xf
}

// Code reads the code shown in a tile. The picture may fill the tile, or be
// fitted into it or cropped to it with its 16:9 kept.
func (f *Frame) Code(tile Rect) (int, error) {
	for _, r := range []Rect{tile, fit(tile, false), fit(tile, true)} {
		if code, err := f.codeAt(r); err == nil {
			return code, nil
		}
	}
	return 0, fmt.Errorf("read %+v: %w", tile, ErrNoCode)
}

// fit returns the 16:9 picture centred in a tile, inside it or covering it.
func fit(t Rect, cover bool) Rect {
	w, h := t.W, t.W*9/16
	if (h > t.H) != cover {
		w, h = t.H*16/9, t.H
	}
	return Rect{t.X + (t.W-w)/2, t.Y + (t.H-h)/2, w, h}
}

func (f *Frame) codeAt(r Rect) (int, error) {
	var luma [codeRows * codeColumns]float64
	for i := range luma {
		luma[i] = f.Luma(codeBlock(r, i%codeColumns, i/codeColumns).Inset(0.3))
	}
	white := (luma[0] + luma[codeColumns]) / 2
	black := (luma[codeColumns-1] + luma[2*codeColumns-1]) / 2
	if white-black < 80 {
		return 0, ErrNoCode
	}
	word := 0
	for row := range codeRows {
		for i := 1; i <= 8; i++ {
			level := (luma[row*codeColumns+i] - black) / (white - black)
			if math.Abs(level-0.5) < 0.15 {
				return 0, ErrNoCode
			}
			word <<= 1
			if level > 0.5 {
				word |= 1
			}
		}
	}
	if code := word >> 4; checksum(code) == word&0xf {
		return code, nil
	}
	return 0, ErrNoCode
}

// codeBlock is one block of the code in a picture that fills r.
func codeBlock(r Rect, column, row int) Rect {
	return r.Part(codeX+codeW*float64(column)/codeColumns, codeY+codeH*float64(row)/codeRows,
		codeW/codeColumns, codeH/codeRows)
}

// drawCode paints a code on an I420 picture that is otherwise plain.
func drawCode(y, u, v []byte, width, height, code int) {
	whole := Rect{0, 0, width, height}
	for i, bit := range codeBits(code) {
		level := byte(16)
		if bit {
			level = 235
		}
		b := codeBlock(whole, i%codeColumns, i/codeColumns)
		fill(y, width, b, level)
		half := Rect{b.X / 2, b.Y / 2, (b.W + 1) / 2, (b.H + 1) / 2}
		fill(u, width/2, half, 128)
		fill(v, width/2, half, 128)
	}
}

func fill(plane []byte, stride int, r Rect, value byte) {
	for y := r.Y; y < r.Y+r.H; y++ {
		for x := r.X; x < r.X+r.W; x++ {
			if i := y*stride + x; i < len(plane) {
				plane[i] = value
			}
		}
	}
}
