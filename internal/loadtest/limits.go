package loadtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limit is a figure of a result that must not be exceeded.
type Limit struct {
	name  string
	value float64
	text  string // as it was given
}

// unit of a limit's value.
type unit uint8

const (
	count unit = iota
	milliseconds
	percent
	microseconds
)

// measure is a figure that can be limited.
type measure struct {
	unit unit
	of   func(Result) float64
}

// worst returns the largest of a figure over all broadcasts.
func worst(of func(Broadcast) float64) func(Result) float64 {
	return func(r Result) (v float64) {
		for _, b := range r.Broadcasts {
			v = max(v, of(b))
		}
		return v
	}
}

// ofServer is a figure of a server on this machine; elsewhere it is zero.
func ofServer(of func(Server) float64) func(Result) float64 {
	return func(r Result) float64 {
		if r.Server == nil {
			return 0
		}
		return of(*r.Server)
	}
}

// measures are the names of limits.
var measures = map[string]measure{
	"join-p50":          {milliseconds, func(r Result) float64 { return r.Joins.ConnectedP50 }},
	"join-p95":          {milliseconds, func(r Result) float64 { return r.Joins.ConnectedP95 }},
	"media-p95":         {milliseconds, func(r Result) float64 { return r.Joins.MediaP95 }},
	"failed-joins":      {count, func(r Result) float64 { return float64(r.Joins.Failed) }},
	"no-media":          {count, func(r Result) float64 { return float64(r.Joins.NoMedia) }},
	"joining-loss":      {percent, func(r Result) float64 { return r.Joining.LossPercent }},
	"loss":              {percent, func(r Result) float64 { return r.Media.LossPercent }},
	"latency-p50":       {milliseconds, func(r Result) float64 { return r.Media.LatencyP50 }},
	"latency-p95":       {milliseconds, func(r Result) float64 { return r.Media.LatencyP95 }},
	"latency-p99":       {milliseconds, func(r Result) float64 { return r.Media.LatencyP99 }},
	"freezes-200ms":     {count, func(r Result) float64 { return float64(r.Media.Over200) }},
	"freezes-500ms":     {count, func(r Result) float64 { return float64(r.Media.Over500) }},
	"freezes-1s":        {count, func(r Result) float64 { return float64(r.Media.Over1000) }},
	"late-slots":        {count, func(r Result) float64 { return float64(r.Media.LateSlots) }},
	"switch-p50":        {milliseconds, func(r Result) float64 { return r.Media.SwitchP50 }},
	"switch-p95":        {milliseconds, func(r Result) float64 { return r.Media.SwitchP95 }},
	"foreign":           {count, func(r Result) float64 { return float64(r.Media.Foreign) }},
	"renegotiations":    {count, func(r Result) float64 { return float64(r.Media.Renegotiations) }},
	"messages":          {count, func(r Result) float64 { return r.Media.Messages }},
	"server-cpu":        {percent, ofServer(func(s Server) float64 { return s.CPU })},
	"cpu-per-packet":    {microseconds, ofServer(func(s Server) float64 { return s.CPUPerPacket })},
	"client-cpu":        {percent, func(r Result) float64 { return r.ClientCPU }},
	"overflows":         {count, func(r Result) float64 { return float64(r.Media.Overflows) }},
	"broadcast-failed":  {count, func(r Result) float64 { return failedBroadcasts(r.Broadcasts) }},
	"broadcast-start":   {milliseconds, worst(func(b Broadcast) float64 { return b.Start })},
	"broadcast-latency": {milliseconds, worst(func(b Broadcast) float64 { return b.LatencyP95 })},
	"broadcast-gap":     {milliseconds, worst(func(b Broadcast) float64 { return b.LongestGap })},
	"av-offset":         {milliseconds, worst(func(b Broadcast) float64 { return b.AVOffset })},
}

// LimitNames lists what can be limited.
func LimitNames() []string { return slices.Sorted(maps.Keys(measures)) }

// ParseLimit reads NAME=VALUE. The value has the unit of its name: a duration
// (500ms, 1.5s, 8us), a share (1%), or a number.
func ParseLimit(text string) (Limit, error) {
	name, value, ok := strings.Cut(text, "=")
	m, known := measures[name]
	if !ok || !known {
		return Limit{}, fmt.Errorf("limit %q is not NAME=VALUE with NAME one of %s", text, strings.Join(LimitNames(), ", "))
	}
	l := Limit{name: name, text: text}
	var err error
	switch m.unit {
	case milliseconds, microseconds:
		var d time.Duration
		d, err = time.ParseDuration(value)
		l.value = float64(d) / float64(time.Millisecond)
		if m.unit == microseconds {
			l.value *= 1000
		}
	case percent:
		l.value, err = strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	default:
		l.value, err = strconv.ParseFloat(value, 64)
	}
	if err != nil || l.value < 0 {
		return Limit{}, fmt.Errorf("limit %q: %s cannot be read; write it as in %s", text, value, [...]string{"3", "500ms", "1%", "8us"}[m.unit])
	}
	return l, nil
}

// Check returns a sentence for every limit that the result breaks.
func Check(r Result, limits []Limit) []string {
	var broken []string
	for _, l := range limits {
		m := measures[l.name]
		if got := m.of(r); got > l.value {
			broken = append(broken, fmt.Sprintf("%s: it is %.4g%s", l.text, got, [...]string{"", " ms", " %", " µs"}[m.unit]))
		}
	}
	return broken
}

func failedBroadcasts(list []Broadcast) (n float64) {
	for _, b := range list {
		if b.Error != "" {
			n++
		}
	}
	return n
}
