package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store"
	"github.com/meetcast/meetcast/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newCatalog(t *testing.T) (*catalog.Catalog, *storetest.Memory) {
	t.Helper()
	kv := storetest.NewMemory()
	return catalog.New(kv, func() time.Time { return start }), kv
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantInvalid(t *testing.T, what string, err error) {
	t.Helper()
	var invalid *catalog.InvalidError
	if !errors.As(err, &invalid) || invalid.Message == "" {
		t.Errorf("%s: %v, want an InvalidError", what, err)
	}
}

func TestOrganisation(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	org := must(c.CreateOrganisation(ctx, "Acme", false))(t)
	if !regexp.MustCompile(`^[a-z][a-z0-9]{9}$`).MatchString(org.ID) || !org.Created.Equal(start) {
		t.Errorf("organisation %+v", org)
	}
	if got := must(c.Organisation(ctx, org.ID))(t); got != org {
		t.Errorf("got %+v, made %+v", got, org)
	}
	if got := must(c.SetNanoMeet(ctx, org.ID, true))(t); !got.NanoMeet {
		t.Error("nanoMeet stayed off")
	}
	got := must(c.SetWebhook(ctx, org.ID, "https://hooks.example.com/x?y=1"))(t)
	if got.Webhook != "https://hooks.example.com/x?y=1" || !got.NanoMeet {
		t.Errorf("after setting the web hook: %+v", got)
	}
	if got := must(c.Organisation(ctx, org.ID))(t); got.Webhook == "" {
		t.Error("the web hook was not stored")
	}
	if got := must(c.SetWebhook(ctx, org.ID, ""))(t); got.Webhook != "" {
		t.Error("the web hook was not removed")
	}
	for _, bad := range []string{"x", "ftp://a/b", "//a", "http://", "http://a b/", "http://a/#f", "http://a/" + strings.Repeat("x", 2000), "javascript:alert(1)"} {
		_, err := c.SetWebhook(ctx, org.ID, bad)
		wantInvalid(t, bad, err)
	}
	for _, id := range []string{"nobody", "", "a.b", "*"} {
		_, err := c.Organisation(ctx, id)
		wantErr(t, "get "+id, err, catalog.ErrNotFound)
		_, err = c.SetNanoMeet(ctx, id, true)
		wantErr(t, "change "+id, err, catalog.ErrNotFound)
	}
	_, err := c.CreateOrganisation(ctx, "", true)
	wantInvalid(t, "no name", err)
	must(c.CreateOrganisation(ctx, "Other", true))(t)
	if all := must(c.Organisations(ctx))(t); len(all) != 2 {
		t.Errorf("organisations %v", all)
	}
}

func TestAPIKey(t *testing.T) {
	c, kv := newCatalog(t)
	ctx := t.Context()
	org := must(c.CreateOrganisation(ctx, "Acme", true))(t)
	plain, rec, err := c.CreateAPIKey(ctx, org.ID, "ci")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^mck_[a-z0-9]{10}_[A-Za-z0-9_-]{43}$`).MatchString(plain) {
		t.Errorf("key %q", plain)
	}
	if got := must(c.OrganisationByKey(ctx, plain))(t); got != org {
		t.Errorf("the key is of %+v", got)
	}
	secret := plain[strings.LastIndex(plain[:15], "_")+1:]
	for _, e := range must(kv.List(ctx, ""))(t) {
		if strings.Contains(string(e.Value), secret) {
			t.Errorf("%s holds the secret", e.Key)
		}
	}
	flipped := []byte(plain)
	flipped[len(flipped)-2] ^= 1
	for _, bad := range []string{
		"", "x", plain[:20], plain + "x", string(flipped), strings.ToUpper(plain), " " + plain,
		"mck_0000000000_" + secret, "mck_*_" + secret, "mck_a.b.c.d.e0_" + secret, "mck_>>>>>>>>>>_" + secret,
		strings.Repeat("mck_", 10000),
	} {
		_, err := c.OrganisationByKey(ctx, bad)
		wantErr(t, fmt.Sprintf("%.60q", bad), err, catalog.ErrAPIKey)
	}
	other, _, err := c.CreateAPIKey(ctx, org.ID, "")
	wantErr(t, "second key", err, nil)
	if keys := must(c.APIKeys(ctx, org.ID))(t); len(keys) != 2 {
		t.Errorf("keys %v", keys)
	}
	wantErr(t, "revoke", c.RevokeAPIKey(ctx, rec.Prefix), nil)
	_, err = c.OrganisationByKey(ctx, plain)
	wantErr(t, "revoked key", err, catalog.ErrAPIKey)
	_, err = c.OrganisationByKey(ctx, other)
	wantErr(t, "the other key", err, nil)

	broken := errors.New("disk on fire")
	kv.Fail(broken)
	_, err = c.OrganisationByKey(ctx, other)
	wantErr(t, "broken store", err, broken)
}

func TestStream(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	s := must(c.CreateStream(ctx, "acme", catalog.NewStream{
		Tags: []string{"a", "ü"},
		Transcodes: []catalog.NewTranscode{
			{Profile: "vtrans2-852x480x800x25", Tags: []string{"x"}}, {Profile: "vtrans2-640x360x400x25"},
		},
	}))(t)
	names := []string{s.Name, s.Transcodes[0].Name, s.Transcodes[1].Name}
	ids := []string{s.ID, s.Transcodes[0].ID, s.Transcodes[1].ID}
	for i := range names {
		if !regexp.MustCompile(`^[A-Za-z0-9]{5}-[A-Za-z0-9]{5}$`).MatchString(names[i]) || auth.CheckStreamName(names[i]) != nil {
			t.Errorf("name %q", names[i])
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(ids[i]) {
			t.Errorf("id %q is no UUIDv7", ids[i])
		}
		if got := must(c.StreamByName(ctx, names[i]))(t); got.ID != s.ID || !slices.Equal(got.Tags, s.Tags) || len(got.Transcodes) != 2 {
			t.Errorf("by name %q: %+v", names[i], got)
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(names)))) != 3 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 3 {
		t.Errorf("names %q, ids %q", names, ids)
	}
	if got := must(c.Stream(ctx, "acme", s.ID))(t); got.Name != s.Name {
		t.Errorf("by id: %+v", got)
	}
	_, err := c.Stream(ctx, "other", s.ID)
	wantErr(t, "another organisation's", err, catalog.ErrNotFound)
	for _, bad := range []string{"", "x", "../x", "*", "a.b"} {
		_, err := c.Stream(ctx, "acme", bad)
		wantErr(t, "id "+bad, err, catalog.ErrNotFound)
		_, err = c.StreamByName(ctx, bad)
		wantErr(t, "name "+bad, err, catalog.ErrNotFound)
	}
}

func TestStreamRefusals(t *testing.T) {
	c, kv := newCatalog(t)
	for name, n := range map[string]catalog.NewStream{
		"empty tag":      {Tags: []string{""}},
		"long tag":       {Tags: []string{strings.Repeat("x", 129)}},
		"many tags":      {Tags: slices.Repeat([]string{"x"}, 33)},
		"no profile":     {Transcodes: []catalog.NewTranscode{{}}},
		"odd profile":    {Transcodes: []catalog.NewTranscode{{Profile: "a b"}}},
		"long profile":   {Transcodes: []catalog.NewTranscode{{Profile: strings.Repeat("x", 65)}}},
		"many profiles":  {Transcodes: slices.Repeat([]catalog.NewTranscode{{Profile: "x"}}, 9)},
		"transcode tags": {Transcodes: []catalog.NewTranscode{{Profile: "x", Tags: []string{""}}}},
	} {
		_, err := c.CreateStream(t.Context(), "acme", n)
		wantInvalid(t, name, err)
	}
	if keys := must(kv.Keys(t.Context(), ""))(t); len(keys) != 0 {
		t.Errorf("refused streams left %q", keys)
	}
}

// TestStreams: the clock stands still, so the order comes from the ids.
func TestStreams(t *testing.T) {
	c, _ := newCatalog(t)
	var want []string
	for range 10 {
		s := must(c.CreateStream(t.Context(), "acme", catalog.NewStream{}))(t)
		want = append([]string{s.Name}, want...)
	}
	must(c.CreateStream(t.Context(), "acmeplus", catalog.NewStream{}))(t)
	for _, limit := range []int{0, 1, 7, 10, 100} {
		var got []string
		for _, s := range must(c.Streams(t.Context(), "acme", limit))(t) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want[:min(limit, 10)]) {
			t.Errorf("newest %d: %q, want %q", limit, got, want)
		}
	}
	if got := must(c.Streams(t.Context(), "nobody", 5))(t); got == nil || len(got) != 0 {
		t.Errorf("nobody's streams: %v", got)
	}
}

func TestRoomStream(t *testing.T) {
	c, kv := newCatalog(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	names := make([]string, 20)
	for i := range names {
		wg.Go(func() {
			s, err := c.RoomStream(ctx, "acme", "standup")
			if err != nil || s.Room != "standup" {
				t.Errorf("%+v, %v", s, err)
			}
			names[i] = s.Name
		})
	}
	wg.Wait()
	if len(slices.Compact(names)) != 1 {
		t.Errorf("one room has the streams %q", names)
	}
	if all := must(c.Streams(ctx, "acme", 100))(t); len(all) != 1 {
		t.Errorf("%d streams for one room", len(all))
	}
	// Another process on the same store.
	again := must(catalog.New(kv, nil).RoomStream(ctx, "acme", "standup"))(t)
	other := must(c.RoomStream(ctx, "acme", "Standup"))(t)
	foreign := must(c.RoomStream(ctx, "other", "standup"))(t)
	if again.Name != names[0] || other.Name == names[0] || foreign.Name == names[0] {
		t.Errorf("%q, again %q, other room %q, other organisation %q", names[0], again.Name, other.Name, foreign.Name)
	}
	// A crash after the claim: the stream is made at the next call.
	wantErr(t, "delete", kv.Delete(ctx, "streams.acme."+again.ID), nil)
	wantErr(t, "delete", kv.Delete(ctx, "names."+again.Name), nil)
	mended := must(c.RoomStream(ctx, "acme", "standup"))(t)
	if mended.Name != again.Name || mended.ID != again.ID {
		t.Errorf("mended %+v, was %+v", mended, again)
	}
	must(c.StreamByName(ctx, again.Name))(t)
	_, err := c.RoomStream(ctx, "acme", "a/b")
	wantErr(t, "bad room", err, auth.ErrRoom)
}

func TestAdoptStream(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	made := must(c.CreateStream(ctx, "acme", catalog.NewStream{Tags: []string{"t"}}))(t)
	if got := must(c.AdoptStream(ctx, "acme", made.Name))(t); got.ID != made.ID || len(got.Tags) != 1 {
		t.Errorf("adopted %+v, made %+v", got, made)
	}
	_, err := c.AdoptStream(ctx, "other", made.Name)
	wantErr(t, "foreign name", err, catalog.ErrTaken)
	first := must(c.AdoptStream(ctx, "acme", "own_name"))(t)
	if again := must(c.AdoptStream(ctx, "acme", "own_name"))(t); again.ID != first.ID {
		t.Errorf("adopted twice: %+v, %+v", first, again)
	}
	_, err = c.AdoptStream(ctx, "acme", "../etc")
	wantErr(t, "bad name", err, auth.ErrStreamName)
}

func TestPutVOD(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	s := must(c.CreateStream(ctx, "acme", catalog.NewStream{Transcodes: []catalog.NewTranscode{{Profile: "p"}}}))(t)
	vod := catalog.VOD{Name: s.Name, File: s.Name + ".mp4"}
	wantErr(t, "begin", c.PutVOD(ctx, s.Name, vod), nil)
	wantErr(t, "second", c.PutVOD(ctx, s.Name, catalog.VOD{Name: s.Name + "-2", File: "x.mp4", Created: start.Add(time.Hour)}), nil)
	vod.Size, vod.Duration, vod.Finished = 1234, 5*time.Second, start.Add(5*time.Second)
	wantErr(t, "finish", c.PutVOD(ctx, s.Name, vod), nil)
	got := must(c.StreamByName(ctx, s.Name))(t).VODs
	vod.Created = start
	if len(got) != 2 || got[0] != vod || !got[1].Created.Equal(start.Add(time.Hour)) || !got[1].Finished.IsZero() {
		t.Errorf("recordings %+v", got)
	}
	wantErr(t, "unknown stream", c.PutVOD(ctx, "nobody", vod), catalog.ErrNotFound)
	for _, bad := range []catalog.VOD{{}, {Name: "../x", File: "x"}, {Name: "x"}, {Name: "x", File: "x", Size: -1}} {
		wantInvalid(t, fmt.Sprintf("%+v", bad), c.PutVOD(ctx, s.Name, bad))
	}
}

// TestPutVODBounded: the record of a stream stays within what the store takes,
// and concurrent writers lose nothing.
func TestPutVODBounded(t *testing.T) {
	c, kv := newCatalog(t)
	ctx := t.Context()
	s := must(c.CreateStream(ctx, "acme", catalog.NewStream{
		Tags: slices.Repeat([]string{strings.Repeat("<", 128)}, 32), // "<" takes six bytes in JSON
	}))(t)
	const most = 500
	long := func(i int) catalog.VOD {
		name := fmt.Sprintf("%d-%s", i, strings.Repeat("x", 64))[:64]
		return catalog.VOD{
			Name: name, File: name + strings.Repeat("y", 64),
			Size: 1 << 62, Duration: 1 << 62, Created: start, Finished: start,
		}
	}
	for i := range most - 1 {
		s.VODs = append(s.VODs, long(i))
	}
	full, err := json.Marshal(s)
	wantErr(t, "encode", err, nil)
	must(kv.Put(ctx, "streams.acme."+s.ID, full))(t)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { wantErr(t, "add", c.PutVOD(ctx, s.Name, long(most+w)), nil) })
	}
	wg.Wait()
	e := must(kv.Get(ctx, "streams.acme."+s.ID))(t)
	if len(e.Value) > store.MaxValue {
		t.Errorf("the record has %d bytes", len(e.Value))
	}
	got := must(c.StreamByName(ctx, s.Name))(t).VODs
	if len(got) != most || got[0] != long(3) {
		t.Errorf("%d recordings, the first %q", len(got), got[0].Name)
	}
}

func TestBootstrap(t *testing.T) {
	c, kv := newCatalog(t)
	ctx := t.Context()
	first := must(c.Bootstrap(ctx, "Mine"))(t)
	if !first.Organisation.NanoMeet || first.Organisation.Name != "Mine" {
		t.Errorf("first start: %+v", first)
	}
	if org := must(c.OrganisationByKey(ctx, first.APIKey))(t); org != first.Organisation {
		t.Errorf("the key is of %+v", org)
	}
	must(c.SetNanoMeet(ctx, first.Organisation.ID, false))(t)
	again := must(c.Bootstrap(ctx, "Yours"))(t)
	if again.APIKey != "" || again.Organisation.ID != first.Organisation.ID || again.Organisation.NanoMeet {
		t.Errorf("second start: %+v", again)
	}
	if keys := must(kv.Keys(ctx, ""))(t); len(keys) != 3 {
		t.Errorf("keys %q", keys)
	}
}

// TestBootstrapRace starts several nodes at once: one gets a key, all the same
// organisation, and no key is left that nobody knows.
func TestBootstrapRace(t *testing.T) {
	c, kv := newCatalog(t)
	var wg sync.WaitGroup
	firsts := make([]catalog.First, 8)
	for i := range firsts {
		wg.Go(func() {
			var err error
			if firsts[i], err = catalog.New(kv, nil).Bootstrap(t.Context(), "Mine"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys := 0
	for _, f := range firsts {
		if f.APIKey != "" {
			keys++
			must(c.OrganisationByKey(t.Context(), f.APIKey))(t)
		}
		if f.Organisation.ID != firsts[0].Organisation.ID {
			t.Errorf("organisations %+v", firsts)
		}
	}
	left := must(c.APIKeys(t.Context(), firsts[0].Organisation.ID))(t)
	if keys != 1 || len(left) != 1 {
		t.Errorf("%d keys were shown, %d are stored", keys, len(left))
	}
}

// failingKV fails the nth write, before or after it took effect.
type failingKV struct {
	*storetest.Memory
	left  int
	after bool
}

var errWrite = errors.New("write failed")

func (f *failingKV) write(do func() (uint64, error)) (uint64, error) {
	if f.left--; f.left == 0 {
		if f.after {
			_, _ = do()
		}
		return 0, errWrite
	}
	return do()
}

func (f *failingKV) Create(ctx context.Context, key string, v []byte) (uint64, error) {
	return f.write(func() (uint64, error) { return f.Memory.Create(ctx, key, v) })
}

func (f *failingKV) Update(ctx context.Context, key string, v []byte, rev uint64) (uint64, error) {
	return f.write(func() (uint64, error) { return f.Memory.Update(ctx, key, v, rev) })
}

// TestBootstrapDies fails at every write in turn: however a first start dies,
// some start after it shows a working key.
func TestBootstrapDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; at <= 4; at++ {
			t.Run(fmt.Sprintf("write %d, after %v", at, after), func(t *testing.T) {
				kv := &failingKV{Memory: storetest.NewMemory(), left: at, after: after}
				c := catalog.New(kv, nil)
				first, err := c.Bootstrap(t.Context(), "Mine")
				for range 3 {
					if first.APIKey != "" {
						break
					}
					first, err = c.Bootstrap(t.Context(), "Mine")
				}
				if err != nil || first.APIKey == "" {
					t.Fatalf("no key was ever shown: %v", err)
				}
				org := must(c.OrganisationByKey(t.Context(), first.APIKey))(t)
				if all := must(c.Organisations(t.Context()))(t); len(all) != 1 || all[0] != org {
					t.Errorf("organisations %+v", all)
				}
			})
		}
	}
}

// TestOnDisk runs the main story on the real store, across a restart.
func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	open := func() (*catalog.Catalog, *store.NATS) {
		s, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return catalog.New(s, nil), s
	}
	c, s := open()
	first := must(c.Bootstrap(t.Context(), "Mine"))(t)
	room := must(c.RoomStream(t.Context(), first.Organisation.ID, "r"))(t)
	wantErr(t, "vod", c.PutVOD(t.Context(), room.Name, catalog.VOD{Name: room.Name, File: room.Name + ".mp4"}), nil)
	_ = s.Close()

	c, _ = open()
	org := must(c.OrganisationByKey(t.Context(), first.APIKey))(t)
	streams := must(c.Streams(t.Context(), org.ID, 10))(t)
	if len(streams) != 1 || streams[0].Name != room.Name || len(streams[0].VODs) != 1 {
		t.Errorf("after a restart: %+v", streams)
	}
	if again := must(c.Bootstrap(t.Context(), "Mine"))(t); again.APIKey != "" {
		t.Error("the second start made a second key")
	}
}
