package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/meetcast/meetcast/configs"
	"github.com/meetcast/meetcast/internal/apiclient"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store"
)

// tokenCmd makes tokens and API keys from the shell.
type tokenCmd struct {
	Room   roomTokenCmd   `cmd:"" help:"Make a room token, through a running server."`
	Invite inviteTokenCmd `cmd:"" help:"Make an invite from a moderator's token."`
	Key    apiKeyCmd      `cmd:"" help:"Make an API key, while the server is stopped."`
}

// serverFlag says which server to ask.
type serverFlag struct {
	URL string `help:"Server." default:"http://localhost:8080" env:"MEETCAST_URL"`
}

// roomTokenCmd asks a running server for a room token.
type roomTokenCmd struct {
	serverFlag
	APIKey     string        `help:"API key of the organisation." env:"MEETCAST_API_KEY" placeholder:"KEY"`
	For        time.Duration `help:"How long the token is valid." default:"24h"`
	Room       string        `arg:"" help:"Room name: a-z A-Z 0-9 _."`
	Moderator  bool          `help:"The holder may invite, kick and broadcast." negatable:"" default:"true"`
	StreamName string        `help:"Stream to broadcast to; the room's own if empty." placeholder:"NAME"`
}

// Run prints the token and the link that joins with it.
func (c *roomTokenCmd) Run() error {
	if c.APIKey == "" {
		return errors.New("an API key is needed: --api-key or MEETCAST_API_KEY")
	}
	client, err := apiclient.New(c.URL)
	if err != nil {
		return err
	}
	now := time.Now()
	token, err := client.CreateRoom(context.Background(), c.APIKey, apiclient.Room{
		Name: c.Room, StreamName: c.StreamName, Moderator: c.Moderator, NotBefore: now, Expires: now.Add(c.For),
	})
	if err != nil {
		return err
	}
	return printToken(client, token)
}

// inviteTokenCmd asks a running server for an invite, which is valid as long as
// the moderator's token.
type inviteTokenCmd struct {
	serverFlag
	Token     string `arg:"" help:"A moderator's token."`
	Moderator bool   `help:"The guest becomes a moderator."`
}

// Run prints the invite and the link that joins with it.
func (c *inviteTokenCmd) Run() error {
	client, err := apiclient.New(c.URL)
	if err != nil {
		return err
	}
	token, err := client.CreateInvite(context.Background(), c.Token, c.Moderator)
	if err != nil {
		return err
	}
	return printToken(client, token)
}

func printToken(client *apiclient.Client, token string) error {
	link, err := client.RoomLink(token)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n%s\n", token, link)
	return err
}

// apiKeyCmd makes a key in the data folder, which a running server has locked.
type apiKeyCmd struct {
	configFlag
	Name string `help:"What the key is for." default:"shell"`
}

// Run prints the key; nobody can print it again.
func (c *apiKeyCmd) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	cat := catalog.New(s, nil)
	first, err := cat.Bootstrap(ctx, "Meetcast")
	if err != nil {
		return err
	}
	key := first.APIKey
	if key == "" {
		if key, _, err = cat.CreateAPIKey(ctx, first.Organisation.ID, c.Name); err != nil {
			return err
		}
	}
	_, err = fmt.Println(key)
	return err
}

func openStore(ctx context.Context, cfg *configs.Config) (*store.NATS, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data_dir: %w", err)
	}
	s, err := store.Open(ctx, store.Config{Dir: filepath.Join(cfg.DataDir, "store"), URL: cfg.Store.NATSURL})
	if errors.Is(err, store.ErrInUse) {
		return nil, fmt.Errorf("the server is running on %s; stop it first", cfg.DataDir)
	}
	return s, err
}
