package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// Stream is something that can be ingested, played and recorded.
type Stream struct {
	// ID grows with time; it is for the API only.
	ID           string `json:"id"`
	Organisation string `json:"organisation"`
	// Name is what encoders publish to and players ask for.
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
	Tags    []string  `json:"tags,omitempty"`
	// Room is set when the stream was made for a room.
	Room       string      `json:"room,omitempty"`
	Transcodes []Transcode `json:"transcodes,omitempty"`
	VODs       []VOD       `json:"vods,omitempty"` // oldest first
}

// Transcode is a smaller rendition of a stream under a name of its own.
type Transcode struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Profile string   `json:"profile"`
	Tags    []string `json:"tags,omitempty"`
}

// NewStream is what a client chooses about a stream.
type NewStream struct {
	Tags       []string
	Transcodes []NewTranscode
}

// NewTranscode is what a client chooses about a transcode.
type NewTranscode struct {
	Profile string
	Tags    []string
}

// Bounds of a stream, so that one fits into the store.
const (
	maxTags       = 32
	maxTag        = 128 // bytes
	maxTranscodes = 8
	maxProfile    = 64 // bytes
)

// nameRef says which stream a name means.
type nameRef struct {
	Organisation string `json:"organisation"`
	ID           string `json:"id"`
}

func streamKey(org, id string) string { return "streams." + org + "." + id }
func nameKey(name string) string      { return "names." + name }

// CreateStream makes a stream with names nobody can guess.
func (c *Catalog) CreateStream(ctx context.Context, org string, n NewStream) (Stream, error) {
	if err := n.check(); err != nil {
		return Stream{}, err
	}
	s := Stream{ID: c.newStreamID(), Organisation: org, Created: c.stamp(), Tags: n.Tags}
	var err error
	if s.Name, err = c.takeName(ctx, s); err != nil {
		return Stream{}, fmt.Errorf("create stream: %w", err)
	}
	for _, t := range n.Transcodes {
		tr := Transcode{ID: c.newStreamID(), Profile: t.Profile, Tags: t.Tags}
		if tr.Name, err = c.takeName(ctx, s); err != nil {
			return Stream{}, fmt.Errorf("create transcode: %w", err)
		}
		s.Transcodes = append(s.Transcodes, tr)
	}
	if _, err := create(ctx, c.kv, streamKey(org, s.ID), s); err != nil {
		return Stream{}, fmt.Errorf("create stream: %w", err)
	}
	return s, nil
}

// takeName reserves a new random name for a stream. A crash before the stream
// itself is written leaves a name that means nothing.
func (c *Catalog) takeName(ctx context.Context, s Stream) (string, error) {
	for {
		name := newStreamName()
		_, err := create(ctx, c.kv, nameKey(name), nameRef{s.Organisation, s.ID})
		if !errors.Is(err, store.ErrExists) {
			return name, err
		}
	}
}

// Stream returns one stream of an organisation, or ErrNotFound.
func (c *Catalog) Stream(ctx context.Context, org, id string) (Stream, error) {
	s, _, err := get[Stream](ctx, c.kv, streamKey(org, id))
	if err != nil {
		return Stream{}, fmt.Errorf("get stream: %w", err)
	}
	return s, nil
}

// StreamByName returns the stream that has this name, or one of whose
// transcodes has it, or ErrNotFound.
func (c *Catalog) StreamByName(ctx context.Context, name string) (Stream, error) {
	ref, _, err := get[nameRef](ctx, c.kv, nameKey(name))
	if err != nil {
		return Stream{}, fmt.Errorf("look up stream name: %w", err)
	}
	return c.Stream(ctx, ref.Organisation, ref.ID)
}

// Streams returns the newest streams of an organisation, newest first.
func (c *Catalog) Streams(ctx context.Context, org string, limit int) ([]Stream, error) {
	keys, err := c.kv.Keys(ctx, "streams."+org)
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	slices.Reverse(keys) // ids grow with time
	streams := []Stream{}
	for _, key := range keys[:min(limit, len(keys))] {
		s, _, err := get[Stream](ctx, c.kv, key)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list streams: %w", err)
		}
		streams = append(streams, s)
	}
	return streams, nil
}

func (n NewStream) check() error {
	if err := checkTags(n.Tags); err != nil {
		return err
	}
	if len(n.Transcodes) > maxTranscodes {
		return &InvalidError{"transcodes", fmt.Sprintf("A stream has at most %d transcodes.", maxTranscodes)}
	}
	for _, t := range n.Transcodes {
		if !isProfile(t.Profile) {
			return &InvalidError{"transcodes", "A transcode needs a profile such as vtrans2-852x480x800x25."}
		}
		if err := checkTags(t.Tags); err != nil {
			return err
		}
	}
	return nil
}

func checkTags(tags []string) error {
	if len(tags) > maxTags {
		return &InvalidError{"tags", fmt.Sprintf("There are at most %d tags.", maxTags)}
	}
	for _, t := range tags {
		if t == "" || len(t) > maxTag {
			return &InvalidError{"tags", fmt.Sprintf("A tag has 1 to %d bytes.", maxTag)}
		}
	}
	return nil
}

func isProfile(s string) bool {
	return s != "" && len(s) <= maxProfile && strings.Trim(s, base62+"-_.") == ""
}
