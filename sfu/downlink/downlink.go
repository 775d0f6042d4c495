// Package downlink decides what one subscriber is sent: which layer each video
// slot carries under the bandwidth estimate, when to probe for more, and what to
// do while nothing is heard of the subscriber. It is driven from outside, with
// time as an input, so that it runs in simulations as it runs in a peer.
//
//	Estimator ──> budget ──> allocate ──> SetLayer, SetBandwidth of each slot
//	demand ─────> Estimator.Probe ──────> Pad
package downlink

import (
	"slices"
	"time"

	"github.com/meetcast/meetcast/sfu/allocate"
	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/layer"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// interval is how often layers are chosen anew.
	interval = 100 * time.Millisecond
	// probeInterval is how often padding is sent while a probe runs.
	probeInterval = 10 * time.Millisecond
	// audioRate is what a speaking audio slot is taken to cost, bit/s, and
	// redundancyRate what its redundancy comes to.
	audioRate      = 40_000
	redundancyRate = 65_000
	// spareAfter is after how long without losses sound goes without redundancy on
	// a path that does not carry all that is wanted.
	spareAfter = 5 * time.Second
	// trust is what a subscriber's path is taken to carry until it shows otherwise,
	// bit/s: a picture without layers must not wait for an estimate.
	trust = 3_000_000
	// unlimited is the budget of a subscriber that did not agree to give feedback.
	unlimited = 1 << 40
	// maxRepair bounds the bandwidth by which retransmissions are measured, bit/s.
	maxRepair = 8_000_000
)

// guessedRates stand for layers whose bitrate has not been measured yet, bit/s.
var guessedRates = [...]int{150_000, 500_000, 1_500_000, 2_500_000}

// Controller chooses for the slots of one subscriber. One goroutine at a time uses
// it.
type Controller struct {
	bwe    *bwe.Estimator
	next   time.Time // of the next choice
	demand int       // bit/s that all that is wanted would take, 0 when nothing is sent

	climb climb
	// unspared is when the redundancy of sound was last worth it.
	unspared time.Time

	// Kept to spare allocations.
	streams []allocate.Stream
	video   []*forward.Down
	ladders []ladder
}

// New returns a controller that obeys an estimator.
func New(e *bwe.Estimator) *Controller { return &Controller{bwe: e} }

// Run does what is due and returns how long it may take until the next call. A
// call with urgent set chooses at once: something has changed. Probes are sent
// only when connected.
func (c *Controller) Run(now time.Time, downs []*forward.Down, urgent, connected bool) time.Duration {
	if urgent || !now.Before(c.next) {
		c.next = now.Add(interval)
		if !connected || !c.bwe.Silent(now) || !c.hush(downs) {
			c.allocate(now, downs)
		}
		for _, d := range downs {
			d.Tick(now)
		}
	}
	wait := c.next.Sub(now)
	if connected && c.probe(now, downs) {
		wait = min(wait, probeInterval)
	}
	return wait
}

// hush pauses the pictures of a subscriber of whom nothing is heard: they would
// only wait in some queue and hold up what is current when the path is back. Sound
// goes on, and a packet of padding, so that there is something to be heard of. It is
// false where nothing can be padded, as before the first picture: without any packet
// nothing would ever be heard again.
func (c *Controller) hush(downs []*forward.Down) bool {
	if !slices.ContainsFunc(downs, func(d *forward.Down) bool { return d.Kind() == track.Video && d.Pad(1) > 0 }) {
		return false
	}
	for _, d := range downs {
		if d.Kind() == track.Video {
			d.SetLayer(allocate.Paused)
		}
	}
	c.demand = 0
	return true
}

// allocate chooses the layer of every video slot.
func (c *Controller) allocate(now time.Time, downs []*forward.Down) {
	audio, extra, stamped, redundant := 0, 0, false, c.redundant(now)
	c.streams, c.video, c.demand = c.streams[:0], c.video[:0], 0
	for _, d := range downs {
		up, size := d.Bound()
		switch {
		case up == nil:
		case d.Kind() == track.Audio:
			audio += audioRate
			if d.SetRedundancy(redundant) {
				extra += redundancyRate
			}
		default:
			stamped = stamped || d.Stamped()
			c.video = append(c.video, d)
			if len(c.ladders) < len(c.video) {
				c.ladders = append(c.ladders, ladder{})
			}
			c.streams = append(c.streams, c.ladders[len(c.video)-1].stream(d, up, size))
		}
	}
	if len(c.video) == 0 {
		return
	}
	budget, arrives := unlimited, 1.0
	if stamped {
		// What is lost is sent again, out of the same bandwidth.
		arrives = 1 - c.bwe.Loss()
		budget = int(float64(c.bwe.Target())*arrives) - audio
		// Redundancy comes before better pictures, but not before the only one.
		budget = max(budget-extra, min(budget, allocate.Floor(0, c.streams)))
		if !c.bwe.Tested() {
			budget = max(budget, allocate.Floor(trust, c.streams))
		}
	}
	flooded := stamped && c.bwe.Flooded()
	if c.climb.held(now) {
		for i := range c.streams {
			c.ladders[i].hold(&c.streams[i])
		}
	}
	up, down := false, false
	for i, l := range allocate.Allocate(budget, c.streams) {
		d := c.video[i]
		up, down = c.ladders[i].compare(c.streams[i].Current, l, up, down)
		d.SetBandwidth(min(budget, maxRepair) / len(c.video)) // bounds what set sends from the cache
		c.ladders[i].set(d, l, flooded)
		d.SetLoss(1 - arrives)
	}
	c.climb.note(now, up, down)
	c.demand = int(float64(allocate.Demand(c.streams)+audio) / max(arrives, 0.5))
}

// redundant tells whether sound shall go out with redundancy: always when all that
// is wanted fits, and while the path loses packets by itself; not where it would
// but fill a queue that loses them.
func (c *Controller) redundant(now time.Time) bool {
	if c.demand <= c.bwe.Target() || c.bwe.Lossy() {
		c.unspared = now
	}
	return now.Sub(c.unspared) < spareAfter
}

// Repair sends again what the last feedback says was lost, if the path is one that
// loses packets anyway: the request of the subscriber may be lost too. It may be
// called from another goroutine than Run.
func (c *Controller) Repair(downs []*forward.Down) {
	var buf [64]uint16
	for _, stamp := range c.bwe.Lost(buf[:0]) {
		for _, d := range downs {
			if d.Kind() == track.Video {
				d.Lost(stamp)
			}
		}
	}
}

// stream describes a video slot to the allocator, in steps.
func (l *ladder) stream(d *forward.Down, up track.UpTrack, size track.Size) allocate.Stream {
	layers := up.Layers()
	l.build(layers)
	return allocate.Stream{Screen: up.Info().Source == track.Screen, Area: size.Width * size.Height, Rates: l.rates,
		Wanted: l.highest(step{layer.Choose(layers, size), packet.AllTemporal}), Current: l.current(d)}
}

// probe sends padding when the estimator wants to know whether more would fit,
// and tells whether it is still at it.
func (c *Controller) probe(now time.Time, downs []*forward.Down) bool {
	if c.demand == 0 {
		return false
	}
	bytes, running := c.bwe.Probe(now, c.demand)
	for _, d := range downs {
		if bytes <= 0 {
			break
		}
		if d.Kind() == track.Video {
			bytes -= d.Pad(bytes)
		}
	}
	return running
}
