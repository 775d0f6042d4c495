package loadtest

import (
	"context"
	"fmt"
	"time"

	"github.com/meetcast/meetcast/internal/apiclient"
)

// tokenLife is how long the tokens of the rooms outlive the measured time.
const tokenLife = 24 * time.Hour

// tokens returns one moderator token for each room, creating the rooms.
func tokens(ctx context.Context, c *Config) ([]string, error) {
	if len(c.Tokens) > 0 {
		return c.Tokens, nil
	}
	client, err := apiclient.New(c.URL)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var out []string
	for i := range c.Rooms {
		token, err := client.CreateRoom(ctx, c.APIKey, apiclient.Room{
			Name: fmt.Sprintf("loadtest_%d_%d", now.Unix(), i), Moderator: true,
			// A little in the past: the two clocks may differ.
			NotBefore: now.Add(-time.Minute), Expires: now.Add(c.Duration + tokenLife),
		})
		if err != nil {
			return nil, fmt.Errorf("create room %d: %w", i+1, err)
		}
		out = append(out, token)
	}
	return out, nil
}
