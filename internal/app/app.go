// Package app builds the whole server from its configuration, connects packages
// that do not know each other, and stops everything again.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/configs"
	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/egress/live"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/egress/vod"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store"
	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling"
)

// stopTimeout bounds how long running broadcasts may take to finish their
// recordings when the server stops.
const stopTimeout = 30 * time.Second

const (
	// loopbackAny is any free port that only this machine reaches.
	loopbackAny = "127.0.0.1:0"
	// maxOwnPushes is how many connections one broadcast may have at a time: a
	// lost one may linger beside the new one.
	maxOwnPushes = 4
)

// App is a running server.
type App struct {
	cfg *configs.Config
	log *slog.Logger

	store    *store.NATS
	catalog  *catalog.Catalog
	tokens   *auth.Tokens
	revoked  *auth.StoreRevocations
	engine   *sfu.Engine
	rooms    *room.Rooms
	vods     *vod.Store
	live     *live.Hub
	ingest   *ingest.Server // for encoders
	own      ownPushes
	ownDoor  *ingest.Server // for the broadcasts of rooms
	egress   *egress.Manager
	signal   *signaling.Server
	http     *server
	first    catalog.First
	stopping context.CancelFunc

	// closers stop what was started, last first.
	closers []closer
}

type closer struct {
	name string
	stop func() error
}

// Start builds and starts everything. When a part cannot start, what was
// started is stopped and the error says which part and what to do.
func Start(ctx context.Context, cfg *configs.Config, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, log: log}
	steps := []struct {
		name  string
		start func(context.Context) error
	}{
		{"data folder", a.startStore},
		{"media", a.startMedia},
		{"recordings", a.startRecordings},
		{"playout", a.startPlayout},
		{"broadcasts", a.startEgress},
		{"ingest", a.startIngest},
		{"signaling", a.startSignaling},
		{"http", a.startHTTP},
	}
	for _, s := range steps {
		if err := s.start(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("start %s: %w", s.name, err), a.Close())
		}
	}
	return a, nil
}

// onClose registers what to stop; the last registered is stopped first.
func (a *App) onClose(name string, stop func() error) {
	a.closers = append(a.closers, closer{name, stop})
}

// Close stops everything in the reverse order of its start: pages first, then
// broadcasts with their recordings, then the rest. It waits.
func (a *App) Close() error {
	var errs []error
	for len(a.closers) > 0 {
		c := a.closers[len(a.closers)-1]
		a.closers = a.closers[:len(a.closers)-1]
		if err := c.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// Failed tells when the server cannot go on.
func (a *App) Failed() <-chan error { return a.http.failed }

func (a *App) startStore(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data_dir: %w", err)
	}
	s, err := store.Open(ctx, store.Config{
		Dir: filepath.Join(a.cfg.DataDir, "store"), URL: a.cfg.Store.NATSURL, Logger: a.log.With("part", "store"),
	})
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("another server is running on %s; stop it or set data_dir: %w", a.cfg.DataDir, err)
	}
	if err != nil {
		return err
	}
	a.store = s
	a.onClose("store", s.Close)
	keys, err := auth.OpenKeys(filepath.Join(a.cfg.DataDir, auth.KeysFile), nil)
	if err != nil {
		return err
	}
	a.revoked = auth.NewStoreRevocations(s, nil)
	a.tokens = auth.NewTokens(auth.Config{Keys: keys, Revocations: a.revoked})
	a.catalog = catalog.New(s, nil)
	if a.first, err = a.catalog.Bootstrap(ctx, "Meetcast"); err != nil {
		return err
	}
	a.sweepRevocations(ctx)
	return nil
}

// sweepEvery is how often revocations of expired tokens are forgotten.
const sweepEvery = time.Hour

// sweepRevocations does it now and then regularly until the server stops.
func (a *App) sweepRevocations(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			if _, err := a.revoked.Sweep(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("could not forget old revocations", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	a.onClose("revocations", func() error { stop(); <-done; return nil })
}

func (a *App) startMedia(context.Context) error {
	c := a.cfg.RTC
	engine, err := sfu.New(sfu.Config{
		UDPPort: c.Port, TCP: c.TCP, AdvertisedIPs: c.AdvertisedIPs, Loopback: c.Loopback,
		Logger: a.log.With("part", "sfu"),
	})
	if err != nil {
		return fmt.Errorf("listen on rtc.port %d: %w", c.Port, err)
	}
	a.engine = engine
	a.onClose("media", engine.Close)
	a.rooms = room.NewRooms(room.Config{
		MaxRooms: a.cfg.Rooms.MaxRooms, MaxMembers: a.cfg.Rooms.MaxMembers, Grace: a.cfg.Rooms.ResumeGrace,
		Bans: bans{a.revoked}, Logger: a.log.With("part", "room"),
	})
	a.onClose("rooms", a.rooms.Close)
	return nil
}

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
