package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// revokedPrefix holds one key per revoked token.
const revokedPrefix = "revoked"

// KV is what a StoreRevocations needs of a store.
type KV interface {
	Get(ctx context.Context, key string) (store.Entry, error)
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix string) ([]store.Entry, error)
}

// StoreRevocations keeps revocations in the store, so that they outlive the
// process and count on every node.
type StoreRevocations struct {
	kv  KV
	now func() time.Time
}

var _ Revocations = (*StoreRevocations)(nil)

// NewStoreRevocations returns a list in kv. A nil now is time.Now.
func NewStoreRevocations(kv KV, now func() time.Time) *StoreRevocations {
	if now == nil {
		now = time.Now
	}
	return &StoreRevocations{kv: kv, now: now}
}

type revocation struct {
	Expires time.Time `json:"exp"`
}

// Revoke implements Revocations.
func (r *StoreRevocations) Revoke(ctx context.Context, id string, expires time.Time) error {
	value, err := json.Marshal(revocation{Expires: expires.UTC()})
	if err != nil {
		return fmt.Errorf("encode revocation: %w", err)
	}
	if _, err := r.kv.Put(ctx, revokedPrefix+"."+id, value); err != nil {
		return fmt.Errorf("write revocation: %w", err)
	}
	return nil
}

// Revoked implements Revocations.
func (r *StoreRevocations) Revoked(ctx context.Context, id string) (bool, error) {
	_, err := r.kv.Get(ctx, revokedPrefix+"."+id)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("read revocation: %w", err)
}

// Sweep forgets the revocations of tokens that have expired by themselves, and
// returns how many. The server calls it at its start and once in a while.
func (r *StoreRevocations) Sweep(ctx context.Context) (int, error) {
	entries, err := r.kv.List(ctx, revokedPrefix)
	if err != nil {
		return 0, fmt.Errorf("list revocations: %w", err)
	}
	swept := 0
	for _, e := range entries {
		var rev revocation
		if err := json.Unmarshal(e.Value, &rev); err != nil {
			continue // not ours to judge; keep it revoked
		}
		if r.now().Before(rev.Expires.Add(2 * Leeway)) {
			continue
		}
		if err := r.kv.Delete(ctx, e.Key); err != nil {
			return swept, fmt.Errorf("forget revocation: %w", err)
		}
		swept++
	}
	return swept, nil
}
