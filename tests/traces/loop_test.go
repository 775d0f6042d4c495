// Package traces replays bad networks against the media path of the server, with
// a budget for each: how long a picture may stand still, how much sound may be
// missing, how much of the capacity is used, how soon the best picture is back.
//
// Two kinds of traces. Those of the control loop run the forwarder, the estimator
// and the choice of layers on a clock of their own between a model of a publisher
// and a model of a browser that receives; a minute takes milliseconds and gives
// the same figures every time. Those of whole connections run an Engine.
package traces

import (
	"container/heap"
	"time"
)

// epoch is when every trace begins.
var epoch = time.Unix(1_800_000_000, 0)

// loop runs events in the order of their times.
type loop struct {
	now    time.Duration
	events events
	serial int
}

type event struct {
	at     time.Duration
	serial int // keeps the order of what happens at once
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1].do = nil
	*e = old[:len(old)-1]
	return x
}

// clock is the present time.
func (l *loop) clock() time.Time { return epoch.Add(l.now) }

// at lets something happen at a time, now at the earliest.
func (l *loop) at(t time.Duration, do func()) {
	l.serial++
	heap.Push(&l.events, event{max(t, l.now), l.serial, do})
}

// after lets something happen in a while.
func (l *loop) after(d time.Duration, do func()) { l.at(l.now+d, do) }

// every lets something happen again and again.
func (l *loop) every(d time.Duration, do func()) {
	l.after(d, func() {
		do()
		l.every(d, do)
	})
}

// run plays until a time.
func (l *loop) run(until time.Duration) {
	for len(l.events) > 0 && l.events[0].at <= until {
		e := heap.Pop(&l.events).(event)
		l.now = e.at
		e.do()
	}
	l.now = until
}
