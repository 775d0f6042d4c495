package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/store"
)

// roomRef says which stream a room has for its own.
type roomRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// RoomStream returns the stream that belongs to a room, and makes it the first
// time: a room keeps its stream for ever.
func (c *Catalog) RoomStream(ctx context.Context, org, room string) (Stream, error) {
	if err := auth.CheckRoom(room); err != nil {
		return Stream{}, err
	}
	key := "rooms." + org + "." + room
	for range maxTries {
		ref, _, err := get[roomRef](ctx, c.kv, key)
		if err == nil {
			return c.ensure(ctx, Stream{ID: ref.ID, Organisation: org, Name: ref.Name, Room: room})
		}
		if !errors.Is(err, ErrNotFound) {
			return Stream{}, fmt.Errorf("look up room: %w", err)
		}
		// The claim comes first and the stream after it, so that of two who
		// come at once one stream is made; a crash in between is mended by
		// ensure at the next call.
		_, err = create(ctx, c.kv, key, roomRef{ID: c.newStreamID(), Name: newStreamName()})
		if err != nil && !errors.Is(err, store.ErrExists) {
			return Stream{}, fmt.Errorf("claim room stream: %w", err)
		}
	}
	return Stream{}, errors.New("claim room stream: the store forgets what it was given")
}

// AdoptStream returns the organisation's stream with a name that the client
// chose, and makes it when nobody has it. It returns ErrTaken when the name is
// another organisation's.
func (c *Catalog) AdoptStream(ctx context.Context, org, name string) (Stream, error) {
	if err := auth.CheckStreamName(name); err != nil {
		return Stream{}, err
	}
	return c.ensure(ctx, Stream{ID: c.newStreamID(), Organisation: org, Name: name})
}

// ensure makes a stream whose name is given, or returns the one that has it.
func (c *Catalog) ensure(ctx context.Context, s Stream) (Stream, error) {
	_, err := create(ctx, c.kv, nameKey(s.Name), nameRef{s.Organisation, s.ID})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return Stream{}, fmt.Errorf("take stream name: %w", err)
	}
	ref, _, err := get[nameRef](ctx, c.kv, nameKey(s.Name))
	if err != nil {
		return Stream{}, fmt.Errorf("look up stream name: %w", err)
	}
	if ref.Organisation != s.Organisation {
		return Stream{}, ErrTaken
	}
	found, err := c.Stream(ctx, ref.Organisation, ref.ID)
	if !errors.Is(err, ErrNotFound) {
		return found, err
	}
	s.ID, s.Created = ref.ID, c.stamp()
	_, err = create(ctx, c.kv, streamKey(s.Organisation, s.ID), s)
	if errors.Is(err, store.ErrExists) {
		return c.Stream(ctx, s.Organisation, s.ID)
	}
	if err != nil {
		return Stream{}, fmt.Errorf("create stream: %w", err)
	}
	return s, nil
}
