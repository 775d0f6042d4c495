package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is a NATS server inside this process. It listens on no socket;
// clients reach it through in-process pipes.
type embedded struct {
	srv  *server.Server
	lock *os.File
}

// startEmbedded starts the server on cfg.Dir and returns when it takes clients.
func startEmbedded(cfg Config) (*embedded, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	srv, err := runServer(cfg)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &embedded{srv: srv, lock: lock}, nil
}

func runServer(cfg Config) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "meetcast",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		// Each write reaches the disk before it is acknowledged, so that what a
		// caller was promised survives kill -9 and power loss alike.
		SyncAlways:             true,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      cfg.MaxBytes,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make nats server: %w", err)
	}
	log := &natsLog{log: cfg.Logger.With(slog.String("part", "nats"))}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	if line := log.Fatal(); line != "" {
		err = errors.New(line)
	} else if !srv.ReadyForConnections(cfg.StartTimeout) {
		err = errors.New("server was not ready in time")
	}
	if err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("start nats server: %w", err)
	}
	return srv, nil
}

// close stops the server, waits for it and gives the directory free.
func (e *embedded) close() {
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
	_ = e.lock.Close()
}
