package layer

import (
	"testing"

	"github.com/meetcast/meetcast/sfu/track"
)

func TestChoose(t *testing.T) {
	mk := func(active string, sizes ...track.Size) []track.Layer {
		var ls []track.Layer
		for i, s := range sizes {
			ls = append(ls, track.Layer{Index: i, Size: s, Active: active[i] == '1'})
		}
		return ls
	}
	q, h, f, none := track.Size{Width: 320, Height: 180}, track.Size{Width: 640, Height: 360}, track.Size{Width: 1280, Height: 720}, track.Size{}
	portrait := track.Size{Width: 180, Height: 320}
	for name, c := range map[string]struct {
		layers []track.Layer
		want   track.Size
		index  int
	}{
		"no layers":                  {nil, f, -1},
		"not wanted":                 {mk("111", q, h, f), none, -1},
		"thumbnail":                  {mk("111", q, h, f), track.Size{Width: 160, Height: 90}, 0},
		"within tolerance":           {mk("111", q, h, f), track.Size{Width: 380, Height: 210}, 0},
		"beyond tolerance":           {mk("111", q, h, f), track.Size{Width: 400, Height: 225}, 1},
		"exact":                      {mk("111", q, h, f), h, 1},
		"larger than all":            {mk("111", q, h, f), track.Size{Width: 3840, Height: 2160}, 2},
		"top is off":                 {mk("110", q, h, f), f, 1},
		"bottom is off":              {mk("011", q, h, f), track.Size{Width: 10, Height: 10}, 1},
		"all off":                    {mk("000", q, h, f), h, 1},
		"one layer of unknown size":  {mk("1", none), q, 0},
		"middle guessed from below":  {mk("111", q, none, none), h, 1},
		"lowest guessed from above":  {mk("111", none, none, f), q, 0},
		"nothing known takes top":    {mk("111", none, none, none), q, 2},
		"portrait in landscape tile": {mk("11", portrait, track.Size{Width: 360, Height: 640}), h, 0},
	} {
		if got := Choose(c.layers, c.want); got != c.index {
			t.Errorf("%s: layer %d, want %d", name, got, c.index)
		}
	}
}
