package testkit

import (
	"fmt"
	"slices"
	"time"
)

// Sight is a code seen in a video and when.
type Sight struct {
	At   time.Time
	Code int
}

// Watch starts to note when each new code appears in a video; tile is the part
// of the picture that holds the camera, in shares of its size. A name lets a
// page watch several.
func (b *Browser) Watch(name, selector string, x, y, w, h float64) error {
	var ok bool
	script := fmt.Sprintf("__testkit.watch(%s, %s, {x: %g, y: %g, w: %g, h: %g})", quote(name), quote(selector), x, y, w, h)
	if err := b.Eval(script, &ok); err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no video at %s", selector)
	}
	return nil
}

// Watched returns what Watch has noted.
func (b *Browser) Watched(name string) ([]Sight, error) {
	var log [][2]float64
	if err := b.Eval("__testkit.watched("+quote(name)+")", &log); err != nil {
		return nil, err
	}
	var sights []Sight
	for _, entry := range log {
		sights = append(sights, Sight{time.UnixMicro(int64(entry[0] * 1000)), int(entry[1])})
	}
	return sights, nil
}

// Latencies returns how long after its first sight at the source each code was
// seen at the far end, sorted. Films go round, so a code stands for its newest
// sight at the source before the far one.
func Latencies(source, far []Sight) []time.Duration {
	var out []time.Duration
	for _, f := range far {
		best := time.Duration(-1)
		for _, s := range source {
			if d := f.At.Sub(s.At); s.Code == f.Code && d >= 0 && (best < 0 || d < best) {
				best = d
			}
		}
		if best >= 0 {
			out = append(out, best)
		}
	}
	slices.Sort(out)
	return out
}

// Percentile returns the value below which a share of sorted durations lies.
func Percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
