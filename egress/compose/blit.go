package compose

import (
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
)

// blit draws a picture into tile, of which only the part clip is painted. A
// picture of the tile's size is copied row by row; one of another size (the
// decoder for a new layout is still starting) is scaled roughly.
func blit(to *media.Picture, tile, clip layout.Rect, from *media.Picture, whole bool) {
	if from.Width == tile.W && from.Height == tile.H {
		copyRows(to, tile, clip, from)
		return
	}
	// The part of the tile that the whole picture covers, maybe more than it.
	shown := cover(tile, from.Width, from.Height, whole)
	if whole {
		clip = meet(clip, shown)
	}
	scalePlane(to.Y, to.StrideY, shown, clip, from.Y, from.StrideY, from.Width, from.Height)
	half, part := halve(shown), halve(clip)
	scalePlane(to.U, to.StrideU, half, part, from.U, from.StrideU, from.Width/2, from.Height/2)
	scalePlane(to.V, to.StrideV, half, part, from.V, from.StrideV, from.Width/2, from.Height/2)
}

func copyRows(to *media.Picture, tile, clip layout.Rect, from *media.Picture) {
	dx, dy := clip.X-tile.X, clip.Y-tile.Y
	for y := range clip.H {
		copy(to.Y[(clip.Y+y)*to.StrideY+clip.X:][:clip.W], from.Y[(dy+y)*from.StrideY+dx:])
	}
	for y := range clip.H / 2 {
		at, src := (clip.Y/2+y)*to.StrideU+clip.X/2, (dy/2+y)*from.StrideU+dx/2
		copy(to.U[at:][:clip.W/2], from.U[src:])
		copy(to.V[at:][:clip.W/2], from.V[src:])
	}
}

// cover returns where a picture of w×h lies when it fills the tile (sticking
// out) or is shown whole in it, even and centred.
func cover(tile layout.Rect, w, h int, whole bool) layout.Rect {
	tw, th := tile.W, tile.W*h/w
	if (th < tile.H) != whole {
		tw, th = tile.H*w/h, tile.H
	}
	tw, th = max(tw&^1, 2), max(th&^1, 2)
	return layout.Rect{X: tile.X + (tile.W-tw)/2&^1, Y: tile.Y + (tile.H-th)/2&^1, W: tw, H: th}
}

func meet(a, b layout.Rect) layout.Rect {
	x, y := max(a.X, b.X), max(a.Y, b.Y)
	return layout.Rect{X: x, Y: y,
		W: max(min(a.X+a.W, b.X+b.W)-x, 0), H: max(min(a.Y+a.H, b.Y+b.H)-y, 0)}
}

func halve(r layout.Rect) layout.Rect {
	return layout.Rect{X: r.X / 2, Y: r.Y / 2, W: r.W / 2, H: r.H / 2}
}

// scalePlane draws the part clip of a plane that is stretched over shown,
// nearest pixel.
func scalePlane(to []byte, stride int, shown, clip layout.Rect, from []byte, fromStride, w, h int) {
	if shown.W <= 0 || shown.H <= 0 {
		return
	}
	stepX := w << 16 / shown.W
	for y := range clip.H {
		sy := min(max((clip.Y+y-shown.Y)*h/shown.H, 0), h-1)
		row := from[sy*fromStride:][:w]
		out := to[(clip.Y+y)*stride+clip.X:][:clip.W]
		sx := (clip.X - shown.X) * stepX
		for x := range out {
			out[x] = row[min(max(sx>>16, 0), w-1)]
			sx += stepX
		}
	}
}
