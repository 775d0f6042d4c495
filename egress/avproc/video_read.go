package avproc

import (
	"fmt"
	"math"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// read implements medium.
func (e *VideoEncoder) read(child *Child) error {
	r := NewNUTReader(child.Out)
	begun := false
	var buf []byte
	for {
		f, err := r.Next()
		if err != nil {
			return err
		}
		if cap(buf) < f.Size {
			buf = make([]byte, f.Size)
		}
		buf = buf[:f.Size]
		if err := r.ReadData(buf); err != nil {
			return err
		}
		s := r.Streams[f.Stream]
		if !begun {
			sps, pps := ParameterSets(append(s.Extradata[:len(s.Extradata):len(s.Extradata)], buf...))
			if sps == nil || pps == nil {
				return fmt.Errorf("%w: no parameter sets", ErrBadNUT)
			}
			e.out.VideoBegin(media.VideoParams{SPS: sps, PPS: pps,
				Width: e.cfg.Width, Height: e.cfg.Height, FPS: e.cfg.FPS})
			begun = true
		}
		k := int64(math.Round(float64(f.PTS) * float64(s.Num) / float64(s.Den) * float64(e.cfg.FPS)))
		n, ok := e.numberOf(k)
		if !ok {
			continue
		}
		pts := time.Duration(n) * time.Second / time.Duration(e.cfg.FPS)
		e.out.Video(media.Sample{Kind: media.Video, PTS: pts, DTS: pts, Key: hasIDR(buf), Data: toAVCC(buf)})
	}
}

// numberOf turns the child's k-th picture into its number on the output clock.
func (e *VideoEncoder) numberOf(k int64) (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := k - e.fedBase
	if i < 0 || i >= int64(len(e.fed)) {
		return 0, false
	}
	n := e.fed[i]
	e.fed = append(e.fed[:0], e.fed[i+1:]...)
	e.fedBase = k + 1
	if n < e.nextOut {
		return 0, false
	}
	e.nextOut = n + 1
	e.stats.Out++
	return n, true
}

// copyPicture copies pixels between pictures of one size.
func copyPicture(to, from *media.Picture) {
	copyPlane(to.Y, to.StrideY, from.Y, from.StrideY, from.Width, from.Height)
	copyPlane(to.U, to.StrideU, from.U, from.StrideU, from.Width/2, from.Height/2)
	copyPlane(to.V, to.StrideV, from.V, from.StrideV, from.Width/2, from.Height/2)
}

func copyPlane(to []byte, toStride int, from []byte, fromStride, w, h int) {
	if toStride == fromStride && toStride == w {
		copy(to[:w*h], from)
		return
	}
	for y := range h {
		copy(to[y*toStride:][:w], from[y*fromStride:])
	}
}
