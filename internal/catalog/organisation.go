package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// Organisation owns API keys, streams and rooms.
type Organisation struct {
	// ID is the "sub" of its tokens and the first part of its meeting links.
	ID   string `json:"id"`
	Name string `json:"name"`
	// NanoMeet tells whether it may make rooms.
	NanoMeet bool `json:"nanomeet"`
	// Webhook is the URL asked on publish and play; empty means none.
	Webhook string    `json:"webhook,omitempty"`
	Created time.Time `json:"created_at"`
}

// Lengths in bytes.
const (
	maxOrgName = 200
	maxWebhook = 2000
)

func orgKey(id string) string { return "orgs." + id }

// CreateOrganisation makes an organisation; its API keys come from CreateAPIKey.
func (c *Catalog) CreateOrganisation(ctx context.Context, name string, nanomeet bool) (Organisation, error) {
	if name == "" || len(name) > maxOrgName {
		return Organisation{}, &InvalidError{"name", "The name of an organisation has 1 to 200 characters."}
	}
	for {
		org := Organisation{ID: newOrgID(), Name: name, NanoMeet: nanomeet, Created: c.stamp()}
		_, err := create(ctx, c.kv, orgKey(org.ID), org)
		if err == nil {
			return org, nil
		}
		if !errors.Is(err, store.ErrExists) {
			return Organisation{}, fmt.Errorf("create organisation: %w", err)
		}
	}
}

// Organisation returns ErrNotFound for an unknown id.
func (c *Catalog) Organisation(ctx context.Context, id string) (Organisation, error) {
	org, _, err := get[Organisation](ctx, c.kv, orgKey(id))
	if err != nil {
		return Organisation{}, fmt.Errorf("get organisation: %w", err)
	}
	return org, nil
}

// Organisations returns all of them, ordered by id.
func (c *Catalog) Organisations(ctx context.Context) ([]Organisation, error) {
	entries, err := c.kv.List(ctx, "orgs")
	if err != nil {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	orgs := make([]Organisation, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal(e.Value, &orgs[i]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", e.Key, err)
		}
	}
	return orgs, nil
}

// SetNanoMeet switches an organisation's rooms on or off. Tokens that are out
// stay valid; no new ones are made while it is off.
func (c *Catalog) SetNanoMeet(ctx context.Context, id string, on bool) (Organisation, error) {
	return c.changeOrg(ctx, id, func(o *Organisation) error { o.NanoMeet = on; return nil })
}

// SetWebhook sets the URL asked on publish and play; "" removes it.
func (c *Catalog) SetWebhook(ctx context.Context, id, webhook string) (Organisation, error) {
	if err := checkWebhook(webhook); err != nil {
		return Organisation{}, err
	}
	return c.changeOrg(ctx, id, func(o *Organisation) error { o.Webhook = webhook; return nil })
}

func (c *Catalog) changeOrg(ctx context.Context, id string, edit func(*Organisation) error) (Organisation, error) {
	org, err := change(ctx, c.kv, orgKey(id), edit)
	if err != nil {
		return Organisation{}, fmt.Errorf("change organisation: %w", err)
	}
	return org, nil
}

// checkWebhook looks at the form only. Where the name leads is checked when it
// is called: it may lead elsewhere by then.
func checkWebhook(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	ok := err == nil && len(s) <= maxWebhook && (u.Scheme == "http" || u.Scheme == "https") &&
		u.Hostname() != "" && u.Fragment == "" && !strings.ContainsAny(s, " \t\r\n")
	if !ok {
		return &InvalidError{"webhook", "webhook is an http:// or https:// URL, or empty to remove it."}
	}
	return nil
}
