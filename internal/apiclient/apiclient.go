// Package apiclient calls the HTTP API of a Meetcast server: what `meetcast
// token` and `meetcast loadtest` need of it.
package apiclient

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	callTimeout = 15 * time.Second
	maxAnswer   = 1 << 20 // bytes read of an answer
)

// Client is one server.
type Client struct {
	base *url.URL
}

// New returns a client of the server at a URL like https://meet.example.org.
func New(base string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the URL of a server, such as http://localhost:8080", base)
	}
	return &Client{u}, nil
}

// Error is an answer with a status of 400 or more.
type Error struct {
	Status  int    // HTTP status
	Title   string `json:"error"`
	Message string `json:"message"`
}

// Error says what the server said.
func (e *Error) Error() string {
	if e.Title == "" {
		return fmt.Sprintf("the server answered with HTTP status %d", e.Status)
	}
	return e.Title + ": " + e.Message
}

// Room is a room token to be made.
type Room struct {
	Name               string
	StreamName         string // empty: the room's own
	Moderator          bool
	NotBefore, Expires time.Time
}

// CreateRoom makes a room token with an organisation's API key.
func (c *Client) CreateRoom(ctx context.Context, apiKey string, r Room) (string, error) {
	return c.nanomeet(ctx, "x-bintu-apikey", apiKey, map[string]any{
		"nbf": stamp(r.NotBefore), "exp": stamp(r.Expires), "room": r.Name, "streamname": r.StreamName,
		"moderator": r.Moderator, "server": c.base.Host,
	})
}

// CreateInvite makes an invite with a moderator's token; it is valid as long as
// that token.
func (c *Client) CreateInvite(ctx context.Context, token string, moderator bool) (string, error) {
	return c.nanomeet(ctx, "x-bintu-token", token, map[string]any{"moderator": moderator, "server": c.base.Host})
}

// RoomLink is the meeting page that joins with a token.
func (c *Client) RoomLink(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("this is not a token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("decode token: %w", err)
	}
	var claims struct{ Sub, Room string }
	if err := json.Unmarshal(raw, &claims); err != nil {
		return "", fmt.Errorf("decode token: %w", err)
	}
	return c.base.JoinPath(claims.Sub, claims.Room).String() + "?jwt=" + url.QueryEscape(token), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// nanomeet posts to /nanomeet and returns the token it makes.
func (c *Client) nanomeet(ctx context.Context, header, secret string, body map[string]any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("nanomeet").String(), bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(header, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("reach the server: %w", err)
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= 400 {
		refusal := &Error{Status: resp.StatusCode}
		_ = json.Unmarshal(raw, refusal) // without JSON the status must do
		return "", refusal
	}
	var answer struct{ Data string }
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Data == "" {
		return "", errors.New("the server answered without a token; is this a Meetcast server?")
	}
	return answer.Data, nil
}
