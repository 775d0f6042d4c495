// Package app builds the whole server from its configuration, connects packages
// that do not know each other, and stops everything again.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/configs"
	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/egress/live"
	"github.com/meetcast/meetcast/egress/vod"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store"
	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/turn"
	"github.com/meetcast/meetcast/signaling"
	"github.com/meetcast/meetcast/signaling/whip"
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
	relay    *turn.Server // nil without TURN
	rooms    *room.Rooms
	vods     *vod.Store
	live     *live.Hub
	ingest   *ingest.Server // for encoders
	own      ownPushes
	ownDoor  *ingest.Server // for the broadcasts of rooms
	egress   *egress.Manager
	signal   *signaling.Server
	doors    *whip.Server
	http     *server
	first    catalog.First
	stopping context.CancelFunc

	webTLS, turnTLS *tls.Config // nil for none

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
		{"certificates", a.startCertificates},
		{"media", a.startMedia},
		{"turn", a.startTURN},
		{"recordings", a.startRecordings},
		{"playout", a.startPlayout},
		{"broadcasts", a.startEgress},
		{"ingest", a.startIngest},
		{"signaling", a.startSignaling},
		{"whip", a.startDoors},
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
