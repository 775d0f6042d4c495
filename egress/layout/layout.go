// Package layout says where on the canvas each participant is. Everything in it
// is a pure function of its arguments: the same room always gives the same
// picture, and a test can compute where to look for whom.
package layout

import "github.com/meetcast/meetcast/sfu/track"

// MaxTiles is the largest number of tiles on a canvas.
const MaxTiles = 25

// Mode is how the tiles are arranged.
type Mode string

// The modes. A shared screen is the large tile in either.
const (
	ModeGrid    Mode = "grid"    // everybody the same size
	ModeSpeaker Mode = "speaker" // the dominant speaker large, the others in a strip
)

// ParseMode returns the mode of a name, "" being the grid, and false when there
// is none.
func ParseMode(name string) (Mode, bool) {
	switch m := Mode(name); m {
	case "":
		return ModeGrid, true
	case ModeGrid, ModeSpeaker:
		return m, true
	}
	return "", false
}

// Rect is a part of the canvas, pixels. All four are even, so that the colour
// planes divide too.
type Rect struct{ X, Y, W, H int }

// Tile is one participant's place.
type Tile struct {
	Member track.MemberID
	Source track.Source // Camera or Screen
	Rect   Rect
	// Whole shows the picture uncropped with bars at two sides; otherwise it is
	// cropped to fill the tile.
	Whole bool
	// Main is the large tile of a speaker or screen layout.
	Main bool
}

// Member is what the layout must know of a participant.
type Member struct {
	ID     track.MemberID
	Screen bool // shares a screen now
}

// Scene is what is to be arranged.
type Scene struct {
	Mode    Mode
	Members []Member // in the order in which they joined
	// Speaker gets the large tile of ModeSpeaker: see Dominant.
	Speaker track.MemberID
	// Recent are those heard lately, loudest first: when not everybody fits they
	// are shown before others.
	Recent []track.MemberID
}

// Arrange gives everybody visible a tile on a canvas of w×h, in the order in
// which they joined, except that a large tile comes first.
func Arrange(s Scene, w, h int) []Tile {
	for _, m := range s.Members {
		if m.Screen {
			return withMain(s, Tile{Member: m.ID, Source: track.Screen, Whole: true}, s.Members, w, h)
		}
	}
	if s.Mode == ModeSpeaker && len(s.Members) > 1 {
		main := s.Members[0].ID
		for _, m := range s.Members {
			if m.ID == s.Speaker {
				main = m.ID
			}
		}
		var others []Member
		for _, m := range s.Members {
			if m.ID != main {
				others = append(others, m)
			}
		}
		return withMain(s, Tile{Member: main, Source: track.Camera}, others, w, h)
	}
	shown := visible(s.Members, s.Recent, MaxTiles)
	tiles := make([]Tile, len(shown))
	for i, r := range Grid(len(shown), w, h) {
		tiles[i] = Tile{Member: shown[i].ID, Source: track.Camera, Rect: r}
	}
	return tiles
}

// withMain arranges one large tile and the others in a strip beside it.
func withMain(s Scene, main Tile, others []Member, w, h int) []Tile {
	main.Main = true
	shown := visible(others, s.Recent, StripTiles(w, h))
	rects := Speaker(1+len(shown), w, h)
	main.Rect = rects[0]
	tiles := []Tile{main}
	for i, m := range shown {
		tiles = append(tiles, Tile{Member: m.ID, Source: track.Camera, Rect: rects[1+i]})
	}
	return tiles
}

// visible picks at most n members: all when they fit, else those heard lately
// and then the first to have joined. The order of joining is kept.
func visible(members []Member, recent []track.MemberID, n int) []Member {
	if len(members) <= n {
		return members
	}
	take := make(map[track.MemberID]bool, n)
	here := make(map[track.MemberID]bool, len(members))
	for _, m := range members {
		here[m.ID] = true
	}
	for _, id := range recent {
		if here[id] && len(take) < n {
			take[id] = true
		}
	}
	for _, m := range members {
		if len(take) < n {
			take[m.ID] = true
		}
	}
	out := make([]Member, 0, n)
	for _, m := range members {
		if take[m.ID] {
			out = append(out, m)
		}
	}
	return out
}
