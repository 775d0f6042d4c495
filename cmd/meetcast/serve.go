package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/meetcast/meetcast/configs"
	"github.com/meetcast/meetcast/internal/app"
)

// configFlag is shared by the commands that read the server's configuration.
type configFlag struct {
	Config string `help:"Configuration file (YAML)." type:"existingfile" env:"MEETCAST_CONFIG" placeholder:"FILE"`
}

func (f configFlag) load() (*configs.Config, error) {
	return configs.Load(f.Config, os.Environ())
}

// serveCmd runs the server until SIGINT or SIGTERM.
type serveCmd struct {
	configFlag
}

// Run starts everything, says how to use it, and stops everything.
func (c *serveCmd) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := logger(cfg.Log)
	a, err := app.Start(ctx, cfg, log)
	if err != nil {
		return err
	}
	fmt.Print(a.Welcome())
	if _, err := exec.LookPath(cfg.Broadcast.FFmpeg); err != nil {
		log.Warn("ffmpeg is missing: meetings work, broadcasts do not; meetcast doctor says more", "error", err)
	}
	select {
	case <-ctx.Done():
	case err = <-a.Failed():
	}
	stop() // a second signal ends the program at once
	return joinClose(err, a)
}

func joinClose(err error, a *app.App) error {
	if cerr := a.Close(); err == nil {
		return cerr
	}
	return err
}

// logger writes to stderr, so that stdout stays for what was asked for.
func logger(c configs.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated with the configuration
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
