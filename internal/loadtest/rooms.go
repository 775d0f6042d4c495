package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an HTTP answer, bytes.
const maxAnswer = 1 << 20

// tokens returns one moderator token for each room, creating the rooms.
func tokens(ctx context.Context, c *Config) ([]string, error) {
	if len(c.Tokens) > 0 {
		return c.Tokens, nil
	}
	client := &http.Client{Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	run := time.Now().Unix()
	var out []string
	for i := range c.Rooms {
		token, err := createRoom(ctx, client, c, fmt.Sprintf("loadtest_%d_%d", run, i))
		if err != nil {
			return nil, fmt.Errorf("create room %d: %w", i+1, err)
		}
		out = append(out, token)
	}
	return out, nil
}

// createRoom asks for a moderator token (POST /nanomeet with the API key).
func createRoom(ctx context.Context, client *http.Client, c *Config, room string) (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", err
	}
	// A little in the past: the two clocks may differ.
	nbf, exp := time.Now().Add(-time.Minute), time.Now().Add(c.Duration+24*time.Hour)
	body, err := json.Marshal(map[string]any{
		"nbf": nbf.UTC().Format(time.RFC3339), "exp": exp.UTC().Format(time.RFC3339),
		"room": room, "streamname": room, "moderator": true, "server": u.Host,
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/nanomeet", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-bintu-apikey", c.APIKey)
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", err
	}
	var answer struct{ Data, Error, Message string }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", fmt.Errorf("HTTP status %s, and no JSON in the answer", resp.Status)
	}
	if resp.StatusCode != http.StatusOK || answer.Data == "" {
		return "", fmt.Errorf("HTTP status %s: %s: %s", resp.Status, answer.Error, answer.Message)
	}
	return answer.Data, nil
}
