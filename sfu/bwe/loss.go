package bwe

import (
	"math"
	"time"
)

const (
	// lossPackets and lossInterval are the least by which loss is judged, and
	// lossMany packets in a shorter time will do when most of them are lost.
	lossPackets  = 50
	lossInterval = time.Second
	lossMany     = 20
	lossSoon     = 200 * time.Millisecond
	// lossHigh above what the path loses anyway means that it is full.
	lossHigh = 0.10
	// lossHeavy is judged soon.
	lossHeavy = 0.30
	// lossOwnMost is the most that is taken for the path's own loss.
	lossOwnMost = 0.20
)

// losses judges the share of packets that do not arrive. Loss that stays when less
// is sent is the path's own (radio, not a full queue): sending still less would
// not help, and repairing it is what retransmissions are for.
type losses struct {
	lost, seen int
	at         time.Duration // of the last judgement
	rate       float64       // 0 .. 1, smoothed over two or three judgements
	mean       float64       // the same over ten or so
	judged     int
	own        float64 // 0 .. 1, loss that the path has anyway
	limit      float64 // bit/s

	// trial is a limit that was set to see whether the loss falls.
	trial struct {
		running bool
		before  float64 // limit before
		loss    float64 // that led to it
		from    time.Duration
	}
}

// count takes the fate of one packet.
func (l *losses) count(received bool) {
	l.seen++
	if !received {
		l.lost++
	}
}

// judge updates the limit, and tells whether the path turned out to be full.
// arriving is the rate at which packets arrive, and settle how long a change
// takes to show. While a queue stands, nothing is learned of the path's own loss.
func (l *losses) judge(at time.Duration, arriving, target float64, settle time.Duration, standing bool, bounds Config) bool {
	since := at - l.at
	if l.seen < lossMany || since < lossSoon {
		return false
	}
	share, seen := float64(l.lost)/float64(l.seen), float64(l.seen)
	if (l.seen < lossPackets || since < lossInterval) && share < lossHeavy {
		return false
	}
	l.lost, l.seen, l.at = 0, 0, at
	l.rate += 0.5 * (share - l.rate)
	l.judged++
	l.mean += max(0.1, 1/float64(l.judged)) * (share - l.mean)
	if l.trial.running {
		if at < l.trial.from+settle {
			return false // these packets went out before
		}
		l.conclude(share)
		return false
	}
	switch {
	case share > l.own+max(lossHigh, chance(l.own, seen)) || share > lossOwnMost+lossHigh:
		l.begin(at, share, arriving, target, bounds)
		return true
	case share <= l.own+lossHigh/4:
		if !standing || share < l.own {
			l.own += 0.3 * (share - l.own)
		}
		grown := l.limit * math.Pow(1+3*growth, min(since, time.Second).Seconds())
		l.limit = min(grown, float64(bounds.Max))
	}
	return false
}

// chance is by how much the loss of n packets may exceed its mean by chance: three
// standard deviations.
func chance(mean, n float64) float64 { return 3 * math.Sqrt(mean*(1-mean)/n) }

// begin limits the rate to less than what is sent now, to see what becomes of the
// loss. What a path loses because it is full falls by half then, or more.
func (l *losses) begin(at time.Duration, share, arriving, target float64, bounds Config) {
	l.trial.running, l.trial.before, l.trial.loss, l.trial.from = true, min(l.limit, target), share, at
	next := min(l.limit, target)
	if arriving > 0 {
		next = min(next, arriving/(1-min(share, 0.9)))
	}
	next *= 1 - 0.5*share
	if share >= lossHeavy && arriving > 0 {
		next = min(next, backOff*arriving)
	}
	l.limit = max(next, float64(bounds.Min))
}

// conclude ends a trial.
func (l *losses) conclude(share float64) {
	l.trial.running = false
	if share > 0.6*l.trial.loss && share <= lossOwnMost {
		l.own = max(l.own, share)
		l.limit = max(l.limit, l.trial.before)
	}
}
