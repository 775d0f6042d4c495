package allocate

import (
	"slices"
	"testing"
)

var rates = []int{100, 400, 1600}

func camera(area, wanted, current int) Stream {
	return Stream{Area: area, Rates: rates, Wanted: wanted, Current: current}
}

func TestAllocate(t *testing.T) {
	screen := Stream{Screen: true, Area: 1, Rates: []int{300, 1000}, Wanted: 1, Current: 1}
	for name, c := range map[string]struct {
		budget  int
		streams []Stream
		want    []int
	}{
		"nothing":                          {1000, nil, []int{}},
		"all that is wanted":               {10000, []Stream{camera(9, 2, 2), camera(1, 0, 0)}, []int{2, 0}},
		"not more than wanted":             {10000, []Stream{camera(9, 1, 0)}, []int{1}},
		"everybody before anybody's best":  {550, []Stream{camera(9, 2, 2), camera(1, 2, 2)}, []int{1, 0}},
		"large pictures first":             {150, []Stream{camera(1, 2, 2), camera(9, 2, 2)}, []int{Paused, 0}},
		"screen is sharp before cameras":   {1150, []Stream{camera(9, 2, 2), screen}, []int{0, 1}},
		"screen before cameras":            {350, []Stream{camera(9, 2, 2), screen}, []int{Paused, 0}},
		"small fits where large does not":  {120, []Stream{{Area: 9, Rates: []int{500}, Current: 0}, camera(1, 0, 0)}, []int{Paused, 0}},
		"keeps what just fits":             {400, []Stream{camera(1, 2, 1)}, []int{1}},
		"does not climb to what just fits": {400, []Stream{camera(1, 2, 0)}, []int{0}},
		"climbs with a margin":             {445, []Stream{camera(1, 2, 0)}, []int{1}},
		"stays paused near the boundary":   {110, []Stream{camera(1, 2, Paused)}, []int{Paused}},
		"resumes with a margin":            {125, []Stream{camera(1, 2, Paused)}, []int{0}},
		"skips a layer that is not sent":   {10000, []Stream{{Rates: []int{100, 0, 900}, Wanted: 2, Current: 0}}, []int{2}},
		"holds what nothing can replace":   {70, []Stream{camera(1, 2, 0)}, []int{0}},
		"but not at any price":             {50, []Stream{camera(1, 2, 0)}, []int{Paused}},
		"holds one only":                   {130, []Stream{camera(9, 0, 0), camera(1, 0, 0)}, []int{0, Paused}},
		"wants nothing":                    {10000, []Stream{camera(1, Paused, 1)}, []int{Paused}},
		"no budget at all":                 {0, []Stream{camera(1, 2, 2)}, []int{Paused}},
	} {
		if got := Allocate(c.budget, c.streams); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A budget that wobbles by a few percent must not change anything.
func TestAllocateDoesNotFlap(t *testing.T) {
	current := []int{1, 0}
	for i := range 50 {
		budget := 520 + (i%5)*8
		got := Allocate(budget, []Stream{camera(9, 2, current[0]), camera(1, 2, current[1])})
		if !slices.Equal(got, current) {
			t.Fatalf("budget %d changed %v to %v", budget, current, got)
		}
	}
}

func TestAllocateStaysWithinBudget(t *testing.T) {
	for budget := 0; budget < 8000; budget += 37 {
		streams := []Stream{camera(9, 2, 2), camera(4, 1, Paused), camera(4, 2, 0), {Screen: true, Rates: rates, Wanted: 2}}
		sum, running := 0, 0
		for i, l := range Allocate(budget, streams) {
			if l >= 0 {
				sum += streams[i].Rates[l]
				running++
			}
		}
		held := running == 1 && sum == rates[0] && float64(sum)*holdMargin <= float64(budget)
		if sum > budget && !held {
			t.Fatalf("budget %d, spent %d", budget, sum)
		}
	}
}

func TestFloor(t *testing.T) {
	large := Stream{Area: 9, Rates: []int{4000}, Wanted: 0, Current: Paused}
	for name, c := range map[string]struct {
		trust   int
		streams []Stream
		want    int
	}{
		"nothing":            {1000, nil, 0},
		"everybody's lowest": {1000, []Stream{camera(1, 2, 0), camera(1, 2, 0)}, 200},
		"one at least":       {1000, []Stream{large, camera(1, 2, 0)}, 5000},
		"as trust goes":      {150, []Stream{camera(1, 2, 0), camera(1, 2, 0)}, 100},
		"only what is sent":  {1000, []Stream{{Rates: []int{0, 0}, Wanted: 1}, camera(1, Paused, 0)}, 0},
	} {
		if got := Floor(c.trust, c.streams); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := Allocate(Floor(1000, []Stream{large}), []Stream{large}); got[0] != 0 {
		t.Errorf("the floor does not pay for the stream: %v", got)
	}
}

func TestDemand(t *testing.T) {
	if got := Demand([]Stream{camera(1, 1, 1), camera(1, 2, 1), camera(1, Paused, 1)}); got != 400+1760 {
		t.Fatalf("demand %d", got)
	}
}
