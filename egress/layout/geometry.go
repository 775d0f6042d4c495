package layout

// The shapes a tile of the grid may have: cameras of either common shape lose
// little when they are cropped to something in between.
const (
	widestTile = 16.0 / 9
	narrowTile = 4.0 / 3
)

// Grid returns n tiles of one size on a canvas of w×h: as large as possible,
// row by row, the last row centred. n is cut to 0 .. MaxTiles.
func Grid(n, w, h int) []Rect {
	n = min(max(n, 0), MaxTiles)
	if n == 0 {
		return nil
	}
	if n == 1 {
		return []Rect{{0, 0, w &^ 1, h &^ 1}}
	}
	cols, tw, th := bestGrid(n, w, h)
	rows := (n + cols - 1) / cols
	top := (h - rows*th) / 2 &^ 1
	out := make([]Rect, n)
	for i := range out {
		row, col := i/cols, i%cols
		inRow := cols
		if row == rows-1 {
			inRow = n - row*cols
		}
		left := (w - inRow*tw) / 2 &^ 1
		out[i] = Rect{left + col*tw, top + row*th, tw, th}
	}
	return out
}

// bestGrid finds the number of columns that gives the largest tiles, and their
// size.
func bestGrid(n, w, h int) (cols, tw, th int) {
	for c := 1; c <= n; c++ {
		rows := (n + c - 1) / c
		cw, ch := fitShape(w/c, h/rows)
		if cw*ch > tw*th {
			cols, tw, th = c, cw, ch
		}
	}
	return cols, tw, th
}

// fitShape returns the largest even tile of an allowed shape in a cell.
func fitShape(w, h int) (int, int) {
	switch shape := float64(w) / float64(h); {
	case shape > widestTile:
		w = int(float64(h)*widestTile + 0.5)
	case shape < narrowTile:
		h = int(float64(w)/narrowTile + 0.5)
	}
	return max(w&^1, 2), max(h&^1, 2)
}

// StripTiles is how many tiles fit beside the large one.
func StripTiles(w, h int) int {
	if w >= h {
		return min(max(h/stripTile(w, h).H, 1), MaxTiles-1)
	}
	return min(max(w/stripTile(w, h).W, 1), MaxTiles-1)
}

// stripTile is the size of a tile in the strip: a fifth of the canvas.
func stripTile(w, h int) Rect {
	if w >= h {
		tw := w / 5 &^ 1
		return Rect{W: max(tw, 2), H: max(tw*9/16&^1, 2)}
	}
	th := h / 5 &^ 1
	return Rect{W: max(min(th*4/3, w/2)&^1, 2), H: max(th, 2)}
}

// Speaker returns n tiles: the first large, the others in a strip at the right
// (below it on a portrait canvas), centred along it. More than fit are left out.
func Speaker(n, w, h int) []Rect {
	if n <= 0 {
		return nil
	}
	if n == 1 {
		return []Rect{{0, 0, w &^ 1, h &^ 1}}
	}
	t := stripTile(w, h)
	k := min(n-1, StripTiles(w, h))
	out := make([]Rect, 0, 1+k)
	if w >= h {
		out = append(out, Rect{0, 0, (w - t.W) &^ 1, h &^ 1})
		top := (h - k*t.H) / 2 &^ 1
		for i := range k {
			out = append(out, Rect{(w - t.W) &^ 1, top + i*t.H, t.W, t.H})
		}
		return out
	}
	out = append(out, Rect{0, 0, w &^ 1, (h - t.H) &^ 1})
	left := (w - k*t.W) / 2 &^ 1
	for i := range k {
		out = append(out, Rect{left + i*t.W, (h - t.H) &^ 1, t.W, t.H})
	}
	return out
}
