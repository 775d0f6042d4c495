package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/internal/catalog"
)

// The RTMP ingest has two doors. Encoders come in by the public one and may
// publish to streams that exist. Broadcasts of rooms come in by a loopback one
// of their own, with a key: neither a crowd nor a stranger at the public door
// can keep a room off the air.

// encoders admits publishers at the public door.
type encoders struct {
	catalog *catalog.Catalog
	// broadcasts lists the rooms' broadcasts that run.
	broadcasts func() []egress.Status
}

// Publish implements ingest.Authorizer.
func (e encoders) Publish(ctx context.Context, r ingest.Request) error {
	s, err := e.catalog.StreamByName(ctx, r.Name)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return errors.New("there is no such stream; create it first")
	case err != nil:
		return err
	case s.Room != "":
		// Its name is in the link to watch: whoever watches could publish.
		return errors.New("this stream belongs to a room; only the room's broadcasts go there")
	}
	for _, b := range e.broadcasts() {
		if b.Stream == r.Name {
			return errors.New("a room is being broadcast to this stream")
		}
	}
	return nil
}

// ownPushes admits the server's own pushes at the loopback door. A room's broadcast
// goes before an encoder that is publishing to the same stream.
type ownPushes struct {
	key string
	// drop hangs up on an encoder at the public door.
	drop func(name string) bool
}

func newOwnPushes(drop func(name string) bool) ownPushes { return ownPushes{rand.Text(), drop} }

// Publish implements ingest.Authorizer.
func (o ownPushes) Publish(_ context.Context, r ingest.Request) error {
	if r.Params.Get("key") != o.key {
		return errors.New("this door is for the server's own broadcasts")
	}
	if !o.drop(r.Name) {
		return errors.New("the encoder that publishes to this stream does not go away")
	}
	return nil
}

// url is where the server pushes the broadcast of a stream.
func (o ownPushes) url(door *ingest.Server, stream string) string {
	return "rtmp://" + door.Addr().String() + "/" + ingest.Live + "/" + stream + "?key=" + url.QueryEscape(o.key)
}
