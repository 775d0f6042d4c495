package live

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/internal/unittest"
)

type anyone struct{}

func (anyone) Publish(context.Context, ingest.Request) error { return nil }

// TestWholePath goes the way of a broadcast: push, ingest, hub, viewer. It
// reports the delay from Write to the viewer's socket.
func TestWholePath(t *testing.T) {
	w := newWorld(t, Config{})
	in, err := ingest.Listen("127.0.0.1:0", ingest.Config{Auth: anyone{}, Live: w.Hub.Publish})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	began := time.Now()
	asked := time.Now()
	push, err := rtmp.NewPush(rtmp.Config{
		URL:   "rtmp://" + in.Addr().String() + "/live/name",
		Epoch: func() (time.Time, bool) { return began, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer push.Close()
	unittest.Until(t, "accepted", func() bool { return push.Status().Accepted })
	accepted := time.Since(asked)
	p := w.play(t, "name")
	params, samples := mediatest.Programme(t, mediatest.Config{FPS: 30, Width: 320, Height: 180})
	written := make([]time.Time, 0, 120)
	done := make(chan struct{})
	go func() {
		defer close(done)
		push.Begin(params)
		began := time.Now()
		for _, s := range samples {
			time.Sleep(time.Until(began.Add(s.DTS)))
			if s.Kind == media.Video {
				written = append(written, time.Now())
			}
			push.Write(s)
		}
	}()
	p.text("init")
	var got []time.Time
	for len(got) < 100 {
		if m := p.next(); m.data != nil && mediatest.Boxes(m.data)[0] == "moof" {
			got = append(got, time.Now())
		}
	}
	<-done
	var delays []time.Duration
	for i, at := range got {
		delays = append(delays, at.Sub(written[i]))
	}
	slices.Sort(delays)
	p50, p95 := delays[len(delays)/2], delays[len(delays)*95/100]
	t.Logf("accepted after %v; from Write to the viewer: p50 %v, p95 %v", accepted, p50, p95)
	if p50 > 100*time.Millisecond {
		t.Errorf("p50 %v from Write to the viewer", p50)
	}
}
