package store

import (
	"log/slog"
	"time"
)

// Config says where the data lives. Exactly one of Dir and URL is set.
type Config struct {
	// Dir holds the files of the embedded server; it is made when absent.
	Dir string
	// URL of an external NATS cluster, comma-separated, as in
	// "nats://a:4222,nats://b:4222". JetStream must be enabled there.
	URL string
	// Credentials is a NATS .creds file for URL; empty means none.
	Credentials string
	// Replicas of the bucket in an external cluster; 0 means 1.
	Replicas int
	// Bucket names the key-value bucket; empty means DefaultBucket.
	Bucket string
	// MaxBytes bounds the embedded files; 0 means DefaultMaxBytes.
	MaxBytes int64
	// StartTimeout bounds Open; 0 means DefaultStartTimeout.
	StartTimeout time.Duration
	// Logger takes the lines of the embedded server; nil means none.
	Logger *slog.Logger
}

// Defaults of Config.
const (
	DefaultBucket       = "meetcast"
	DefaultMaxBytes     = 4 << 30
	DefaultStartTimeout = 30 * time.Second
)

// maxMemory bounds the in-memory state of the embedded JetStream: only the
// short-lived consumers behind Keys, List and Watch live there.
const maxMemory = 32 << 20

func (c Config) withDefaults() Config {
	if c.Bucket == "" {
		c.Bucket = DefaultBucket
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = DefaultStartTimeout
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
