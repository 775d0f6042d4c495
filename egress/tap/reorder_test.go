package tap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestReorderFromManyStarts replays one scenario from many first numbers.
func TestReorderFromManyStarts(t *testing.T) {
	const ms = time.Millisecond
	type in struct {
		seq int
		at  time.Duration
	}
	tests := []struct {
		name    string
		in      []in
		pops    []time.Duration // times of a pop after all pushes
		want    []int
		gaps    []int // values that come after a gap
		skipped uint64
		late    uint64
	}{
		{"in order", []in{{0, 0}, {1, 0}, {2, 0}}, []time.Duration{0}, []int{0, 1, 2}, nil, 0, 0},
		{"swapped", []in{{0, 0}, {2, 1 * ms}, {1, 2 * ms}}, []time.Duration{2 * ms}, []int{0, 1, 2}, nil, 0, 0},
		{"a gap is waited for", []in{{0, 0}, {2, 0}}, []time.Duration{99 * ms}, []int{0}, nil, 0, 0},
		{"and skipped", []in{{0, 0}, {3, 0}, {4, 50 * ms}}, []time.Duration{100 * ms}, []int{0, 3, 4}, []int{3}, 2, 0},
		{"duplicates", []in{{0, 0}, {1, 0}, {1, 0}}, []time.Duration{0}, []int{0, 1}, nil, 0, 1},
		{"far ahead pushes the old out", []in{{0, 0}, {1, 0}, {600, 0}}, []time.Duration{200 * ms}, []int{600}, []int{600}, 0, 0},
		{"begins anew", []in{{0, 0}, {20000, 0}}, []time.Duration{0}, []int{20000}, []int{20000}, 0, 0},
		{"full: what is given up is told", []in{{0, 0}, {1, 0}, {512, 0}}, []time.Duration{200 * ms}, []int{1, 512}, []int{1, 512}, 0, 0},
	}
	for _, tc := range tests {
		for _, base := range []uint16{0, 1, 65535, 65534, 32767, 32768, 65000} {
			t.Run(fmt.Sprintf("%s from %d", tc.name, base), func(t *testing.T) {
				r := reorder[int]{wait: 100 * ms}
				evicted := 0
				for _, p := range tc.in {
					r.push(base+uint16(p.seq), p.at, p.seq, func(int) { evicted++ })
				}
				var got, gaps []int
				for _, at := range tc.pops {
					for {
						v, gap, ok := r.pop(at)
						if !ok {
							break
						}
						got = append(got, v)
						if gap {
							gaps = append(gaps, v)
						}
					}
				}
				if !slices.Equal(got, tc.want) || !slices.Equal(gaps, tc.gaps) || r.late != tc.late {
					t.Errorf("got %v gaps %v late %d", got, gaps, r.late)
				}
				if tc.skipped != 0 && r.skipped != tc.skipped {
					t.Errorf("skipped %d, want %d", r.skipped, tc.skipped)
				}
			})
		}
	}
}

// TestReorderKeepsOrder throws random loss, order and jumps at it.
func TestReorderKeepsOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := reorder[int64]{wait: 20 * time.Millisecond}
	now := time.Duration(0)
	last := int64(-1)
	for n := int64(0); n < 20000; n++ {
		now += time.Millisecond
		if rnd.IntN(10) == 0 {
			continue
		}
		r.push(uint16(n+int64(rnd.IntN(7))-3), now, n, func(int64) {})
		for {
			before := r.next
			_, _, ok := r.pop(now)
			if !ok {
				break
			}
			if r.next <= before || r.next <= last {
				t.Fatal("goes back")
			}
			last = r.next - 1
		}
		if r.held < 0 || r.held > reorderSize {
			t.Fatalf("holds %d", r.held)
		}
	}
}
