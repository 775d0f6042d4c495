package traces

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// jain is the fairness index of R. Jain: 1 when all get the same, 1/n when one
// gets everything.
func jain(rates []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, r := range rates {
		sum, squares = sum+r, squares+r*r
	}
	return sum * sum / (float64(len(rates)) * squares)
}

// Twenty viewers of one camera sit behind one bottleneck of 5 Mbit/s.
func TestViewersShare(t *testing.T) {
	t.Parallel()
	const viewers, capacity = 20, 5_000_000
	l := &loop{}
	near := netsim.Path{Delay: 10 * time.Millisecond}
	c := newCamera(l, 1, netsim.NewLink(near), netsim.NewLink(near), threeLayers()...)
	mic := newMicrophone(l, netsim.NewLink(near), false)
	down := netsim.NewLink(netsim.Path{Capacity: []netsim.Step{{At: 0, Rate: capacity}}, Queue: 250_000, Delay: 20 * time.Millisecond, Jitter: 4 * time.Millisecond, Seed: 3})
	var all []*viewer
	for i := range viewers {
		l.at(time.Duration(i)*150*time.Millisecond, func() {
			v := newViewer(l, down, netsim.NewLink(netsim.Path{Delay: 20 * time.Millisecond, Seed: uint64(i)}))
			v.watch(c, 1280, 720)
			v.listen(mic, true)
			all = append(all, v)
		})
	}
	const from, to = 15 * time.Second, 75 * time.Second
	l.run(to)
	var rates []float64
	used, gap := 0.0, time.Duration(0)
	for _, v := range all {
		r := v.rate(from, to)
		rates = append(rates, r)
		used += r
		g, _ := v.screens[0].longest(from, to)
		gap = max(gap, g)
		if lost, _, _ := v.speaker.missing(from, to-time.Second); lost > 0 {
			t.Errorf("%d packets of sound are missing", lost)
		}
	}
	t.Logf("rates %.0f; fairness %.3f; %.0f%% used; longest gap %v; %+v", rates, jain(rates), 100*used/capacity, gap, down.Stats())
	if got := jain(rates); got < 0.9 {
		t.Errorf("fairness %.3f", got)
	}
	if got := used / capacity; got < 0.8 || got > 1 {
		t.Errorf("%.0f%% is used", 100*got)
	}
	// Each picture at its smallest takes 90 %: some must wait for their turn.
	if gap > 10*time.Second {
		t.Errorf("a picture stood still for %v", gap)
	}
}
