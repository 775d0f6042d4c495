package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/egress/vod"
	"github.com/meetcast/meetcast/internal/catalog"
)

// pushes connects the egress manager to RTMP pushes under one policy.
type pushes struct {
	policy *rtmp.Policy
}

// Check implements egress.Policy. The address behind the name is judged when
// the push dials, so that a name cannot change in between.
func (p pushes) Check(_ context.Context, url string) (string, error) {
	if err := p.policy.Check(url); err != nil {
		return "", destinationError(err)
	}
	return url, nil
}

// open implements egress.Config.NewPush.
func (p pushes) open(c egress.PushConfig) (egress.Push, error) {
	cfg := rtmp.Config{
		URL: c.URL, Logger: c.Logger, Policy: p.policy,
		Epoch: func() (time.Time, bool) { return c.Epoch, true },
	}
	if c.Internal {
		cfg.Policy = nil
	}
	if c.OnState != nil {
		cfg.OnChange = func(s rtmp.Status) { c.OnState(pushState(s)) }
	}
	push, err := rtmp.NewPush(cfg)
	if err != nil {
		return nil, destinationError(err)
	}
	return push, nil
}

// pushState is the state of a push in the manager's words.
func pushState(s rtmp.Status) egress.PushState {
	phases := map[rtmp.State]egress.PushPhase{
		rtmp.Connecting:   egress.PushConnecting,
		rtmp.Live:         egress.PushLive,
		rtmp.Reconnecting: egress.PushReconnecting,
		rtmp.Failed:       egress.PushFailed,
		rtmp.Closed:       egress.PushFailed,
	}
	state := egress.PushState{Phase: phases[s.State]}
	if s.Reason != nil {
		state.Err = destinationError(s.Reason)
	}
	return state
}

// destinationError says what is wrong with a destination to the moderator.
func destinationError(err error) error {
	var e *rtmp.Error
	if errors.As(err, &e) && e.Kind != rtmp.KindInternal {
		return egress.DestinationError(e.Sentence(), err)
	}
	return err
}

// recordings tells the catalogue what was recorded.
type recordings struct {
	catalog *catalog.Catalog
	log     *slog.Logger
}

// storeTimeout bounds one write to the catalogue.
const storeTimeout = 10 * time.Second

// RecordingStarted implements vod.Catalog.
func (r recordings) RecordingStarted(rec vod.Recording) { r.put(rec, time.Time{}) }

// RecordingFinished implements vod.Catalog.
func (r recordings) RecordingFinished(rec vod.Recording) { r.put(rec, time.Now()) }

func (r recordings) put(rec vod.Recording, finished time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	err := r.catalog.PutVOD(ctx, rec.Stream, catalog.VOD{
		Name: rec.Name, File: rec.Name + ".mp4", Size: rec.Size, Duration: rec.Duration,
		Created: rec.Started, Finished: finished,
	})
	if err != nil {
		r.log.Error("a recording is on disk but not in the catalogue", "recording", rec.Name, "err", err)
	}
}
