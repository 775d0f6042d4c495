package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/meetcast/meetcast/internal/store"
)

const bootstrapKey = "meta.bootstrap"

// bootstrap is how far the first start has come.
type bootstrap struct {
	Organisation string `json:"organisation"`
	// KeyPrefix is set when it is done.
	KeyPrefix string `json:"key_prefix,omitempty"`
}

// First is what a first start has made.
type First struct {
	Organisation Organisation
	// APIKey in plain, only when this very call has made it.
	APIKey string
}

// Bootstrap makes one organisation with nanoMeet switched on and one API key for
// it, once in the life of a store. Only the call that makes them returns the
// key; later ones return the organisation alone. A start that died half-way is
// completed by the next, and of several nodes that start at once one wins.
func (c *Catalog) Bootstrap(ctx context.Context, name string) (First, error) {
	for range maxTries {
		first, done, err := c.tryBootstrap(ctx, name)
		if err != nil {
			return First{}, fmt.Errorf("make first organisation: %w", err)
		}
		if done {
			return first, nil
		}
	}
	return First{}, errors.New("make first organisation: too many nodes at once")
}

// tryBootstrap goes through the steps; done is false when another node came
// between.
func (c *Catalog) tryBootstrap(ctx context.Context, name string) (first First, done bool, err error) {
	state, revision, err := get[bootstrap](ctx, c.kv, bootstrapKey)
	if errors.Is(err, ErrNotFound) {
		_, err = create(ctx, c.kv, bootstrapKey, bootstrap{Organisation: newOrgID()})
		if errors.Is(err, store.ErrExists) {
			err = nil
		}
		return First{}, false, err
	}
	if err != nil {
		return First{}, false, err
	}
	if state.KeyPrefix != "" {
		org, err := c.Organisation(ctx, state.Organisation)
		return First{Organisation: org}, true, err
	}
	org := Organisation{ID: state.Organisation, Name: name, NanoMeet: true, Created: c.stamp()}
	if _, err = create(ctx, c.kv, orgKey(org.ID), org); errors.Is(err, store.ErrExists) {
		org, err = c.Organisation(ctx, org.ID)
	}
	if err != nil {
		return First{}, false, err
	}
	return c.firstKey(ctx, org, revision)
}

// firstKey makes the key and the final mark; whoever loses the race for the mark
// takes its key back.
func (c *Catalog) firstKey(ctx context.Context, org Organisation, revision uint64) (First, bool, error) {
	plain, rec, err := c.CreateAPIKey(ctx, org.ID, "first start")
	if err != nil {
		return First{}, false, err
	}
	_, err = update(ctx, c.kv, bootstrapKey, bootstrap{Organisation: org.ID, KeyPrefix: rec.Prefix}, revision)
	if err != nil {
		// A write may arrive although its answer was lost: what is stored counts.
		state, _, readErr := get[bootstrap](ctx, c.kv, bootstrapKey)
		if readErr != nil {
			return First{}, false, errors.Join(err, readErr)
		}
		if state.KeyPrefix != rec.Prefix {
			return First{}, false, c.RevokeAPIKey(ctx, rec.Prefix)
		}
	}
	return First{Organisation: org, APIKey: plain}, true, nil
}
