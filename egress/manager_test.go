package egress

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/track"
)

// namedRoom is an empty room with a name of its own.
type namedRoom struct {
	fakeRoom
	id track.RoomID
}

func (r *namedRoom) ID() track.RoomID { return r.id }

func room(n int) *namedRoom { return &namedRoom{id: track.RoomID(fmt.Sprint("org/", n))} }

func TestManagerAdmitsWhatItMay(t *testing.T) {
	t.Parallel()
	m, _ := newTestManager(t, func(c *Config) { c.MaxJobs = 2 })
	for n := range 2 {
		if _, err := m.Start(t.Context(), Request{Room: room(n), Stream: fmt.Sprint("s", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Start(t.Context(), Request{Room: room(2), Stream: "s2"}); AudienceOf(err) != Unavailable {
		t.Errorf("a third broadcast of two: %v", err)
	}
	if _, err := m.Stop(t.Context(), "org/0"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Start(t.Context(), Request{Room: room(3), Stream: "s1"}); AudienceOf(err) != Conflict {
		t.Errorf("a stream twice: %v", err)
	}
	if _, err := m.Start(t.Context(), Request{Room: room(0), Stream: "s0"}); err != nil {
		t.Errorf("the same room again: %v", err)
	}
	if n := len(m.All()); n != 2 {
		t.Errorf("%d broadcasts", n)
	}
	for _, err := range []error{m.SetLayout("org/9", "grid"), m.SetLayout("org/1", "mosaic")} {
		if a := AudienceOf(err); a != NotFound && a != Invalid {
			t.Errorf("layout: %v", err)
		}
	}
	if s := m.Status("org/9"); s.State != Idle {
		t.Errorf("a room that was never broadcast: %v", s.State)
	}
}

// TestStopWhileStarting stops, cancels and closes while the destination has not
// answered yet.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	ends := map[string]func(m *Manager, id track.RoomID, cancel func()){
		"stop":   func(m *Manager, id track.RoomID, _ func()) { _, _ = m.Stop(context.Background(), id) },
		"cancel": func(_ *Manager, _ track.RoomID, cancel func()) { cancel() },
		"close":  func(m *Manager, _ track.RoomID, _ func()) { _ = m.Close(context.Background()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var pushes []*fakePush
			m, _ := newTestManager(t, func(c *Config) {
				c.NewPush = func(pc PushConfig) (Push, error) {
					mu.Lock()
					defer mu.Unlock()
					pushes = append(pushes, &fakePush{cfg: pc})
					return pushes[len(pushes)-1], nil
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			started := make(chan error)
			r := room(1)
			go func() {
				_, err := m.Start(ctx, Request{Room: r, Stream: "s"})
				started <- err
			}()
			unittest.Until(t, "starting", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(pushes) == 1 && r.watched() == 1
			})
			end(m, r.id, cancel)
			if err := <-started; err == nil {
				t.Error("started all the same")
			}
			unittest.Until(t, "nothing is left", func() bool {
				return len(m.All()) == 0 && r.watched() == 0 && pushes[0].closedTimes() == 1
			})
			if s := m.Status(r.id).State; s != Stopped && s != Failed {
				t.Errorf("state %v", s)
			}
		})
	}
}

func (f *fakePush) closedTimes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func TestOneDestinationFailsAlone(t *testing.T) {
	t.Parallel()
	var pushes []*fakePush
	m, _ := newTestManager(t, func(c *Config) {
		c.Policy = allowAll{}
		c.NewPush = func(pc PushConfig) (Push, error) {
			f := &fakePush{cfg: pc}
			f.set(PushLive, nil)
			pushes = append(pushes, f)
			return f, nil
		}
	})
	r := room(1)
	st, err := m.Start(t.Context(), Request{Room: r, Stream: "s", Destination: "rtmps://live.example.com/app/secretkey"})
	if err != nil || len(st.Destinations) != 2 || !pushes[0].cfg.Internal || pushes[1].cfg.Internal {
		t.Fatalf("%v %+v", err, st)
	}
	if name := st.Destinations[1].Name; name != "rtmps://live.example.com" {
		t.Errorf("the key shows in %q", name)
	}
	pushes[1].set(PushFailed, errors.New("The key was withdrawn."))
	if st = m.Status(r.id); st.State != Live || st.Reason != "The key was withdrawn." || st.Destinations[1].Phase != PushFailed {
		t.Errorf("after one failure %v %q", st.State, st.Reason)
	}
	pushes[0].set(PushFailed, errors.New("The disk is gone."))
	unittest.Until(t, "the broadcast ends", func() bool { return len(m.All()) == 0 })
	if st = m.Status(r.id); st.State != Failed || st.Reason == "" {
		t.Errorf("after all failed %v %q", st.State, st.Reason)
	}
}

type allowAll struct{}

func (allowAll) Check(_ context.Context, url string) (string, error) { return url, nil }

func TestConfigIsChecked(t *testing.T) {
	ok := Config{NewPush: func(PushConfig) (Push, error) { return nil, nil }}
	for name, change := range map[string]func(*Config){
		"no push":   func(c *Config) { c.NewPush = nil },
		"encoder":   func(c *Config) { c.Encoder = "mpeg1video" },
		"odd size":  func(c *Config) { c.Width = 641 },
		"huge":      func(c *Config) { c.Height = 100000 },
		"frameless": func(c *Config) { c.FPS = 1000 },
	} {
		c := ok
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFanLetsLateSinksBeginAtAKeyPicture(t *testing.T) {
	var f fan
	early, late := &fakePush{}, &fakePush{}
	f.add(early)
	video := func(n int, key bool) {
		f.Video(media.Sample{Kind: media.Video, PTS: time.Duration(n) * time.Second, Key: key})
	}
	sound := func(n int) { f.Audio(media.Sample{Kind: media.Audio, PTS: time.Duration(n) * time.Second, Key: true}) }
	sound(0)
	f.AudioBegin(media.AudioParams{Config: []byte{1}})
	sound(1)
	if len(early.list) != 0 {
		t.Error("samples before both parameters")
	}
	f.VideoBegin(media.VideoParams{SPS: []byte{1}})
	video(0, true)
	video(1, false)
	f.add(late)
	sound(2)
	video(2, false)
	video(3, true)
	sound(3)
	f.AudioBegin(media.AudioParams{Config: []byte{1}}) // the same again: no news
	f.VideoBegin(media.VideoParams{SPS: []byte{1}})
	video(4, true)
	f.remove(late)
	video(5, false)
	if len(early.list) != 10 || len(early.params) != 2 {
		t.Errorf("early: %d samples, %d times begun", len(early.list), len(early.params))
	}
	if len(late.list) != 3 || !late.list[0].Key || late.list[0].Kind != media.Video || len(late.params) != 2 {
		t.Errorf("late: %+v, %d times begun", late.list, len(late.params))
	}
}
