package app

// What makes programmes of rooms: recordings, playout, broadcasts, the ingest.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/egress/live"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/egress/vod"
	"github.com/meetcast/meetcast/internal/catalog"
)

const (
	// stopTimeout bounds how long running broadcasts may take to finish their
	// recordings when the server stops.
	stopTimeout = 30 * time.Second
	// loopbackAny is any free port that only this machine reaches.
	loopbackAny = "127.0.0.1:0"
	// maxOwnPushes is how many connections one broadcast may have at a time: a
	// lost one may linger beside the new one.
	maxOwnPushes = 4
)

func (a *App) startRecordings(ctx context.Context) error {
	log := a.log.With("part", "vod")
	s, err := vod.Open(vod.Config{Dir: a.cfg.Recording.Dir, Catalog: recordings{a.catalog, log}, Logger: log})
	if err != nil {
		return err
	}
	a.vods = s
	a.onClose("recordings", s.Close)
	// What a crash has left is finished beside the running server: it may be
	// hours of video, and nobody should wait for it.
	ctx, a.stopping = context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		recovered, err := s.Recover(ctx)
		for _, r := range recovered {
			log.Info("finished a recording that a crash had left", "recording", r.Name, "duration", r.Duration)
		}
		if err != nil {
			log.Error("could not finish every recording; the next start tries again", "err", err)
		}
	}()
	a.onClose("recovery", func() error { a.stopping(); <-done; return nil })
	return nil
}

// startPlayout starts the live hub and the door of the rooms' broadcasts to it.
func (a *App) startPlayout(context.Context) error {
	a.live = live.NewHub(live.Config{
		MaxViewers: a.cfg.Playout.MaxViewers, Known: a.knowsStream, VODs: a.recordingsOf,
		WHEP:   func(name string) bool { _, on := a.egress.OnAir(name); return on },
		Logger: a.log.With("part", "live"),
	})
	a.onClose("playout", a.live.Close)
	a.own = newOwnPushes(func(name string) bool { return a.ingest.Drop(name) })
	var err error
	a.ownDoor, err = ingest.Listen(loopbackAny, ingest.Config{
		Auth: a.own, Live: a.live.Publish, MaxConns: maxOwnPushes * a.cfg.Broadcast.MaxBroadcasts,
		Logger: a.log.With("part", "own ingest"),
	})
	if err != nil {
		return fmt.Errorf("listen for the server's own broadcasts: %w", err)
	}
	a.onClose("own ingest", a.ownDoor.Close)
	return nil
}

// startIngest opens the door for encoders.
func (a *App) startIngest(context.Context) error {
	address := a.cfg.Ingest.Address
	if address == "" {
		address = loopbackAny
	}
	var err error
	a.ingest, err = ingest.Listen(address, ingest.Config{
		Auth:     encoders{a.catalog, a.egress.All},
		Live:     a.live.Publish,
		Record:   func(name string) (media.Sink, error) { return a.vods.NewRecorder(name, nil) },
		MaxConns: a.cfg.Ingest.MaxConnections,
		Logger:   a.log.With("part", "ingest"),
	})
	if err != nil {
		return fmt.Errorf("listen on ingest.address %s: %w", address, err)
	}
	a.onClose("ingest", a.ingest.Close)
	return nil
}

// knowsStream tells whether somebody has a stream of this name.
func (a *App) knowsStream(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	_, err := a.catalog.StreamByName(ctx, name)
	return !errors.Is(err, catalog.ErrNotFound)
}

// recordingsOf lists the finished recordings of a stream as paths, oldest first.
func (a *App) recordingsOf(stream string) []string {
	list, err := a.vods.List(stream)
	if err != nil {
		a.log.Warn("could not list recordings", "stream", stream, "err", err)
	}
	var paths []string
	for _, r := range list {
		paths = append(paths, "/vod/"+url.PathEscape(r.Name)+".mp4")
	}
	return paths
}

func (a *App) startEgress(context.Context) error {
	c := a.cfg.Broadcast
	policy, err := a.policy()
	if err != nil {
		return err
	}
	empty := c.EmptyTimeout
	if empty == 0 {
		empty = -1 // the manager's word for never
	}
	a.egress, err = egress.New(egress.Config{
		FFmpeg: c.FFmpeg, Width: c.Width, Height: c.Height, FPS: c.FPS,
		VideoBitrate: c.VideoKbps * 1000, AudioBitrate: c.AudioKbps * 1000, Encoder: c.Encoder,
		MaxJobs: c.MaxBroadcasts, EmptyTimeout: empty,
		IngestURL:   func(stream string) string { return a.own.url(a.ownDoor, stream) },
		NewPush:     pushes{policy}.open,
		NewRecorder: func(stream string) (egress.Recorder, error) { return a.vods.NewRecorder(stream, nil) },
		Policy:      pushes{policy},
		Logger:      a.log.With("part", "egress"),
	})
	if err != nil {
		return err
	}
	a.onClose("broadcasts", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		return a.egress.Close(ctx)
	})
	return nil
}

// policy allows what the configuration lists, and its default destination.
func (a *App) policy() (*rtmp.Policy, error) {
	c := a.cfg.Broadcast
	allow := append([]string(nil), c.AllowDestinations...)
	if c.DefaultDestination != "" {
		target, err := rtmp.ParseTarget(c.DefaultDestination)
		if err != nil {
			return nil, fmt.Errorf("broadcast.default_destination: %w", err)
		}
		allow = append(allow, target.Host())
	}
	p, err := rtmp.NewPolicy(rtmp.PolicyConfig{Allow: allow, Aliases: c.DestinationAliases})
	if err != nil {
		return nil, fmt.Errorf("broadcast.allow_destinations or destination_aliases: %w", err)
	}
	return p, nil
}

func (a *App) defaultDestination(stream string) string {
	return strings.ReplaceAll(a.cfg.Broadcast.DefaultDestination, "{stream}", stream)
}
