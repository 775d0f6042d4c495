package store_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/store"
	"github.com/meetcast/meetcast/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		crashChild(dir)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, cfg store.Config) *store.NATS {
	t.Helper()
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestEmbedded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, store.Config{Dir: t.TempDir()})
	})
}

// TestCluster runs the suite against a server of its own, as an operator would
// run it, reached over TCP.
func TestCluster(t *testing.T) {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	go srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	bucket := 'a'
	storetest.Run(t, func(t *testing.T) store.Store {
		bucket++
		return open(t, store.Config{URL: srv.ClientURL(), Bucket: string(bucket)})
	})
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Config{Dir: dir})
	rev, err := s.Put(t.Context(), "k", []byte("v"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, store.Config{Dir: dir})
	e, err := s.Get(t.Context(), "k")
	if err != nil || string(e.Value) != "v" || e.Revision != rev {
		t.Errorf("after reopening got %q at %d, %v", e.Value, e.Revision, err)
	}
	next, err := s.Update(t.Context(), "k", []byte("w"), rev)
	if err != nil || next <= rev {
		t.Errorf("update after reopening: revision %d after %d, %v", next, rev, err)
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Config{Dir: dir})
	if _, err := store.Open(t.Context(), store.Config{Dir: dir}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
	_ = s.Close()
	open(t, store.Config{Dir: dir})
}

func TestOpenFails(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]store.Config{
		"nothing": {},
		"both":    {Dir: t.TempDir(), URL: "nats://127.0.0.1:1"},
		"a file":  {Dir: file},
		"nobody":  {URL: "nats://127.0.0.1:1", StartTimeout: time.Second},
		"no creds": {
			URL: "nats://127.0.0.1:1", StartTimeout: time.Second, Credentials: file + "x",
		},
	} {
		if s, err := store.Open(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClosed(t *testing.T) {
	s := open(t, store.Config{Dir: t.TempDir()})
	ctx := t.Context()
	events := make(chan store.Event, 10)
	stop, err := s.Watch(ctx, "", func(ev store.Event) { events <- ev })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(ctx); err != nil {
		t.Errorf("ready: %v", err)
	}
	_ = s.Close()
	_ = s.Close()
	stop()
	_, getErr := s.Get(ctx, "k")
	_, putErr := s.Put(ctx, "k", nil)
	_, listErr := s.List(ctx, "k")
	_, watchErr := s.Watch(ctx, "k", func(store.Event) {})
	for what, err := range map[string]error{
		"get": getErr, "put": putErr, "list": listErr, "watch": watchErr, "ready": s.Ready(ctx),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after close: %v, want ErrClosed", what, err)
		}
	}
}

// BenchmarkOpen measures a start on a directory that holds 1000 keys.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 1000)
	for b.Loop() {
		s, err := store.Open(context.Background(), store.Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = s.Close()
		b.StartTimer()
	}
}

func BenchmarkPut(b *testing.B) {
	s, err := store.Open(context.Background(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, err := s.Put(context.Background(), "k", []byte("value")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s, err := store.Open(context.Background(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Put(context.Background(), "k", []byte("value")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Get(context.Background(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}
