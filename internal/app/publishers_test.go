package app

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/ingest"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store/storetest"
)

func TestWhoMayPublish(t *testing.T) {
	ctx := context.Background()
	c := catalog.New(storetest.NewMemory(), nil)
	first, err := c.Bootstrap(ctx, "Test")
	if err != nil {
		t.Fatal(err)
	}
	org := first.Organisation.ID
	free, err := c.CreateStream(ctx, org, catalog.NewStream{})
	if err != nil {
		t.Fatal(err)
	}
	busy, err := c.CreateStream(ctx, org, catalog.NewStream{})
	if err != nil {
		t.Fatal(err)
	}
	ofRoom, err := c.RoomStream(ctx, org, "standup")
	if err != nil {
		t.Fatal(err)
	}
	public := encoders{c, func() []egress.Status { return []egress.Status{{Stream: busy.Name}} }}
	for name, want := range map[string]string{
		free.Name: "", busy.Name: "being broadcast", ofRoom.Name: "belongs to a room", "nobodys-1": "no such stream",
	} {
		err := public.Publish(ctx, ingest.Request{Name: name})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestOwnDoorNeedsTheKeyAndDropsEncoders(t *testing.T) {
	dropped := ""
	own := newOwnPushes(func(name string) bool { dropped = name; return name != "stuck-1" })
	key := url.Values{"key": {own.key}}
	if err := own.Publish(t.Context(), ingest.Request{Name: "a-1"}); err == nil || dropped != "" {
		t.Errorf("without the key: %v, dropped %q", err, dropped)
	}
	if err := own.Publish(t.Context(), ingest.Request{Name: "a-1", Params: key}); err != nil || dropped != "a-1" {
		t.Errorf("with the key: %v, dropped %q", err, dropped)
	}
	if err := own.Publish(t.Context(), ingest.Request{Name: "stuck-1", Params: key}); err == nil {
		t.Error("an encoder that stays is an error")
	}
}
