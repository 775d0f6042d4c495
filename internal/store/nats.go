package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATS is the Store on a JetStream key-value bucket.
type NATS struct {
	// Constant after Open.
	kv     jetstream.KeyValue
	conn   *nats.Conn
	gone   chan struct{} // closed when conn has ended
	server *embedded     // nil with an external cluster

	closing sync.Once
	done    chan struct{} // closed by Close: watchers end
	watches sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

var _ Store = (*NATS)(nil)

// Open starts the embedded server, or connects to the cluster, and makes the
// bucket when it is not there. The caller closes the store.
func Open(ctx context.Context, cfg Config) (*NATS, error) {
	if (cfg.Dir == "") == (cfg.URL == "") {
		return nil, errors.New("open store: give either a data directory or a cluster URL")
	}
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	s := &NATS{gone: make(chan struct{}), done: make(chan struct{})}
	if err := s.open(ctx, cfg); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

func (s *NATS) open(ctx context.Context, cfg Config) (err error) {
	if cfg.Dir != "" {
		if s.server, err = startEmbedded(cfg); err != nil {
			return err
		}
	}
	if s.conn, err = s.connect(cfg); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return fmt.Errorf("use jetstream: %w", err)
	}
	s.kv, err = bucket(ctx, js, cfg)
	return err
}

func (s *NATS) connect(cfg Config) (*nats.Conn, error) {
	log := cfg.Logger
	opts := []nats.Option{
		nats.Name("meetcast"),
		nats.MaxReconnects(-1),
		nats.Timeout(cfg.StartTimeout),
		nats.ClosedHandler(func(*nats.Conn) { close(s.gone) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("store connection", slog.Any("error", err))
		}),
	}
	if s.server != nil {
		return nats.Connect("", append(opts, nats.InProcessServer(s.server.srv))...)
	}
	if cfg.Credentials != "" {
		opts = append(opts, nats.UserCredentials(cfg.Credentials))
	}
	opts = append(opts,
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			if !c.IsClosed() {
				log.Warn("store cluster lost, reconnecting", slog.Any("error", err))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("store cluster is back") }),
	)
	return nats.Connect(cfg.URL, opts...)
}

// bucket opens the bucket or makes it. An existing one is taken as it is: its
// replicas are the operator's business.
func bucket(ctx context.Context, js jetstream.JetStream, cfg Config) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, cfg.Bucket)
	if err == nil {
		return kv, nil
	}
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("open bucket %s: %w", cfg.Bucket, err)
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:         cfg.Bucket,
		Description:    "Meetcast: organisations, streams, revocations",
		MaxValueSize:   MaxValue + 1024, // the server counts headers too
		History:        1,
		Storage:        jetstream.FileStorage,
		Replicas:       cfg.Replicas,
		LimitMarkerTTL: markerTTL,
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // another node was faster
		kv, err = js.KeyValue(ctx, cfg.Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("make bucket %s: %w", cfg.Bucket, err)
	}
	return kv, nil
}

// Close ends all watches, closes the connection and stops the embedded server.
// It is idempotent and waits.
func (s *NATS) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.done)
		s.watches.Wait()
		if s.conn != nil {
			s.conn.Close()
			<-s.gone
		}
		if s.server != nil {
			s.server.close()
		}
	})
	return nil
}

// Ready returns an error while the store cannot be read.
func (s *NATS) Ready(ctx context.Context) error {
	if _, err := s.kv.Status(ctx); err != nil {
		return s.wrap("read bucket state", err)
	}
	return nil
}

func (s *NATS) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// wrap names what failed and turns the library's errors into ours.
func (s *NATS) wrap(doing string, err error) error {
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrKeyDeleted):
		err = ErrNotFound
	case s.isClosed(), errors.Is(err, nats.ErrConnectionClosed):
		err = ErrClosed
	}
	return fmt.Errorf("%s: %w", doing, err)
}
