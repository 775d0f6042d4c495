package room

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// guest is a member in a test: a Client that writes down what it hears.
type guest struct {
	*Member
	t    *testing.T
	down *fakeDown

	mu     sync.Mutex
	events []Event
}

func (g *guest) Notify(e Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

// heard returns the events since the last call, after everything has settled.
func (g *guest) heard() []Event {
	settle()
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.events
	g.events = nil
	return out
}

// settle waits until no goroutine of the bubble has anything to do, the batch
// included.
func settle() {
	synctest.Wait()
	time.Sleep(DefaultBatch)
	synctest.Wait()
}

// events of one type.
func only[E Event](events []Event) []E {
	var out []E
	for _, e := range events {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// last event of one type; fails without one.
func last[E Event](t *testing.T, events []Event) E {
	t.Helper()
	list := only[E](events)
	if len(list) == 0 {
		t.Fatalf("no %T among %d events", *new(E), len(events))
	}
	return list[len(list)-1]
}

// hotel is the registry of a test, inside a synctest bubble.
type hotel struct {
	*Rooms
	t *testing.T
}

// bubble runs a test with fake time and rooms that are closed at its end.
func bubble(t *testing.T, cfg Config, test func(t *testing.T, h *hotel)) {
	synctest.Test(t, func(t *testing.T) {
		h := &hotel{NewRooms(cfg), t}
		defer h.Close()
		test(t, h)
	})
}

func person(name string) Identity {
	return Identity{Name: name, TokenID: "jti-" + name, Expires: time.Now().Add(time.Hour)}
}

func moderator(name string) Identity {
	id := person(name)
	id.Moderator, id.May = true, ModeratorPermissions()
	return id
}

func (h *hotel) try(room track.RoomID, id Identity) (*guest, error) {
	g := &guest{t: h.t}
	m, err := h.Join(context.Background(), room, id, g)
	g.Member = m
	return g, err
}

func (h *hotel) join(id Identity) *guest {
	h.t.Helper()
	g, err := h.try("acme/standup", id)
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

// withSlots gives the guest slots: a for audio, v for video.
func (g *guest) withSlots(kinds string) *guest {
	g.down = &fakeDown{slots: slotsOf(kinds), bound: map[string]string{}, sizes: map[string]track.Size{}}
	g.SetDown(g.down)
	return g
}

// publish adds a track of the guest.
func (g *guest) publish(s track.Source) *tracktest.FakeUpTrack {
	up := tracktest.NewUpTrack(track.Info{ID: track.TrackID(string(g.ID()) + "/" + string(s)), Member: g.ID(), Source: s})
	g.Publish(up)
	return up
}

// fakeDown remembers what is bound to which slot, as "name of track", and how
// often Bind was called.
type fakeDown struct {
	mu    sync.Mutex
	slots []track.Slot
	bound map[string]string
	sizes map[string]track.Size
	binds int
}

func (d *fakeDown) Slots() []track.Slot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.slots)
}

func (d *fakeDown) Bind(mid string, up track.UpTrack, size track.Size) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.binds++
	delete(d.bound, mid)
	d.sizes[mid] = size
	if up != nil {
		d.bound[mid] = string(up.Info().ID)
	}
}

// carries returns what the slots carry, in order, "-" for nothing.
func (d *fakeDown) carries() string {
	settle()
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, s := range d.slots {
		id := d.bound[s.Mid]
		if id == "" {
			id = "-"
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

// tracks joins track names as carries does.
func tracks(ups ...*tracktest.FakeUpTrack) string {
	var out []string
	for _, u := range ups {
		if u == nil {
			out = append(out, "-")
		} else {
			out = append(out, string(u.Info().ID))
		}
	}
	return strings.Join(out, " ")
}

// names of members, in order.
func names(list []*MemberInfo) string {
	var out []string
	for _, m := range list {
		out = append(out, m.Name)
	}
	return strings.Join(out, " ")
}

// crowd joins n people at once.
func (h *hotel) crowd(n int) []*guest {
	out := make([]*guest, n)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() { out[i] = h.join(person(fmt.Sprint("p", i))) })
	}
	wg.Wait()
	return out
}

func sorted(s string) string {
	f := strings.Fields(s)
	slices.Sort(f)
	return strings.Join(f, " ")
}

func sortedNames(list []*MemberInfo) string { return sorted(names(list)) }
