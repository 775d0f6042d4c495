package testkit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Room is a room made over HTTP, as a page would make it.
type Room struct {
	Server *Server
	Name   string // without the organisation
	Sub    string // organisation
	Stream string // its stream, the name of its broadcast
	Token  string // moderator
}

// CreateRoom makes a stream and a room that broadcasts to it.
func (s *Server) CreateRoom(t testing.TB, name string) *Room {
	t.Helper()
	var stream struct {
		Ingest struct {
			RTMP struct{ Streamname string } `json:"rtmp"`
		} `json:"ingest"`
	}
	if err := s.Call(http.MethodPost, "/stream", s.key(), map[string]any{"tags": []string{"test"}}, &stream); err != nil {
		t.Fatalf("create stream: %v", err)
	}
	r := &Room{Server: s, Name: name, Stream: stream.Ingest.RTMP.Streamname}
	if r.Stream == "" {
		t.Fatal("create stream: the answer names none")
	}
	var err error
	if r.Token, err = s.RoomToken(name, r.Stream, true); err != nil {
		t.Fatalf("create room: %v", err)
	}
	claims, err := Claims(r.Token)
	if err != nil {
		t.Fatal(err)
	}
	r.Sub, _ = claims["sub"].(string)
	return r
}

func (s *Server) key() map[string]string { return map[string]string{"x-bintu-apikey": s.APIKey} }

// RoomToken asks for a token with the API key (POST /nanomeet).
func (s *Server) RoomToken(room, stream string, moderator bool) (string, error) {
	var answer struct{ Data string }
	err := s.Call(http.MethodPost, "/nanomeet", s.key(), map[string]any{
		"nbf": stamp(-time.Minute), "exp": stamp(12 * time.Hour), "room": room, "streamname": stream,
		"moderator": moderator, "server": hostOf(s.URL),
	}, &answer)
	return answer.Data, err
}

// Invite asks for a token with a moderator's token.
func (r *Room) Invite(t testing.TB, moderator bool) string {
	t.Helper()
	var answer struct{ Data string }
	err := r.Server.Call(http.MethodPost, "/nanomeet", map[string]string{"x-bintu-token": r.Token},
		map[string]any{"moderator": moderator, "server": hostOf(r.Server.URL)}, &answer)
	if err != nil {
		t.Fatalf("invite: %v", err)
	}
	return answer.Data
}

func stamp(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }

// JoinURL is the meeting page that joins at once under a name.
func (r *Room) JoinURL(token, name string) string {
	return r.PageURL(token) + "#config.prejoinPageEnabled=false&userInfo.displayName=" + url.QueryEscape(`"`+name+`"`)
}

// RelayURL is JoinURL for a page whose media goes by relay alone.
func (r *Room) RelayURL(token, name string) string {
	return strings.Replace(r.JoinURL(token, name), "?jwt=", "?relay=1&jwt=", 1)
}

// PageURL is the meeting page with its pre-join screen.
func (r *Room) PageURL(token string) string {
	return fmt.Sprintf("%s/%s/%s?jwt=%s", r.Server.URL, r.Sub, r.Name, url.QueryEscape(token))
}

// PlayerURL is the player page of the room's broadcast.
func (r *Room) PlayerURL() string {
	return r.Server.URL + "/nanoplayer/release/nanoplayer.html?bintu.streamname=" + url.QueryEscape(r.Stream)
}

// IngestURL is where the room's broadcast arrives and can be pulled from.
func (r *Room) IngestURL() string {
	return fmt.Sprintf("rtmp://127.0.0.1:%d/live/%s", r.Server.RTMPPort, r.Stream)
}

// HLSURL is the room's broadcast as HLS.
func (r *Room) HLSURL() string {
	return r.Server.URL + "/playout/" + url.PathEscape(r.Stream) + "/hls/index.m3u8"
}

// Claims reads a token's payload without verifying it.
func Claims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("token has %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("decode token: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, fmt.Errorf("decode token: %w", err)
	}
	return claims, nil
}

// HTTPError is an answer with a status of 400 or more.
type HTTPError struct {
	Status int
	Title  string `json:"error"`
	Text   string `json:"message"`
}

// Error returns all of it.
func (e *HTTPError) Error() string { return fmt.Sprintf("HTTP %d: %s: %s", e.Status, e.Title, e.Text) }

// Call does a JSON request on the server; an error status is an *HTTPError.
func (s *Server) Call(method, path string, header map[string]string, body, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := trusting.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		e := &HTTPError{Status: resp.StatusCode}
		_ = decodeJSON(resp.Body, e)
		return e
	}
	if into == nil {
		return nil
	}
	return decodeJSON(resp.Body, into)
}
