package room

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// counter is a Client that counts.
type counter struct{ n *atomic.Int64 }

func (c counter) Notify(Event) { c.n.Add(1) }

// nowhere is a track.Down that binds nothing.
type nowhere struct{ slots []track.Slot }

func (d *nowhere) Slots() []track.Slot                    { return d.slots }
func (d *nowhere) Bind(string, track.UpTrack, track.Size) {}

// The room of the benchmarks: everybody has a microphone, some a camera.
const (
	people  = 500
	cameras = 30
)

// hall is a room whose loop is the benchmark itself, so that what is measured is
// the loop's work and nothing else.
type hall struct {
	*Room
	timers  *timers
	members []*Member
	mics    []*tracktest.FakeUpTrack
	events  atomic.Int64
	next    int
}

func newHall() *hall {
	h := &hall{Room: newRoom("acme/all", NewRooms(Config{MaxMembers: 2 * people})), timers: newTimers()}
	h.rooms.rooms[h.id] = h.Room
	for range people {
		h.enter()
	}
	want := make([]Want, 0, 9)
	for _, m := range h.members[:9] {
		want = append(want, Want{Member: m.id, Source: track.Camera, Size: track.Size{Width: 320, Height: 180}})
	}
	for _, m := range h.members {
		h.do(&setView{m, View{Want: want}})
	}
	return h
}

// do applies actions and lets the room tell what they changed.
func (h *hall) do(list ...action) {
	for _, a := range list {
		a.apply(h.Room)
	}
	h.lastRound, h.lastMove = time.Time{}, time.Time{} // whatever has to be told is told now
	h.settle(h.timers)
}

// enter brings one more member with a microphone, three audio and nine video slots.
func (h *hall) enter() *Member {
	n := h.next
	h.next++
	m := &Member{
		id: track.MemberID(fmt.Sprintf("m-%014d", n)), room: h.Room, client: counter{&h.events}, name: fmt.Sprint("Person ", n),
		muted: map[track.Source]bool{}, asked: map[track.Source]track.MemberID{},
	}
	reply := make(chan error, 2)
	h.do(&join{m, reply})
	mic := tracktest.NewUpTrack(track.Info{Member: m.id, Kind: track.Audio, Source: track.Microphone})
	h.do(&setDown{m, &nowhere{slotsOf("aaavvvvvvvvv")}, reply})
	h.do(&publish{m, mic})
	if n < cameras {
		h.do(&publish{m, tracktest.NewUpTrack(track.Info{Member: m.id, Kind: track.Video, Source: track.Camera})})
	}
	h.members, h.mics = append(h.members, m), append(h.mics, mic)
	return m
}

func (h *hall) leave() {
	last := len(h.members) - 1
	h.do(&leave{h.members[last], make(chan error, 1)})
	h.members, h.mics = h.members[:last], h.mics[:last]
}

// report gives the events that all members together got for one operation.
func (h *hall) report(b *testing.B, before int64) {
	b.ReportMetric(float64(h.events.Load()-before)/float64(b.N), "events/op")
}

// BenchmarkHallJoinLeave: one of 500 comes with a microphone and slots, and goes.
func BenchmarkHallJoinLeave(b *testing.B) {
	h := newHall()
	b.ReportAllocs()
	before := h.events.Load()
	for b.Loop() {
		h.enter()
		h.leave()
	}
	h.report(b, before)
}

// BenchmarkHallSpeaker: another of 500 begins to speak, one stops.
func BenchmarkHallSpeaker(b *testing.B) {
	h := newHall()
	now := time.Now()
	b.ReportAllocs()
	before := h.events.Load()
	for n := 0; b.Loop(); n++ {
		h.mics[(n+len(h.mics)-3)%len(h.mics)].SetLoudness(0)
		h.mics[n%len(h.mics)].SetLoudness(0.9)
		for range 4 { // polls, until the change counts
			now = now.Add(500 * time.Millisecond)
			h.listen(now)
			h.do()
		}
	}
	h.report(b, before)
}

// BenchmarkHallListen: the levels are read and nothing has changed.
func BenchmarkHallListen(b *testing.B) {
	h := newHall()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Millisecond)
		h.listen(now)
		h.do()
	}
}

// BenchmarkHallMute: a camera that everybody watches is switched off and on.
func BenchmarkHallMute(b *testing.B) {
	h := newHall()
	b.ReportAllocs()
	before := h.events.Load()
	for b.Loop() {
		h.do(&setMuted{h.members[3], track.Camera, true})
		h.do(&setMuted{h.members[3], track.Camera, false})
	}
	h.report(b, before)
}

// BenchmarkHallUnseen: a camera that nobody watches is switched off and on.
func BenchmarkHallUnseen(b *testing.B) {
	h := newHall()
	b.ReportAllocs()
	before := h.events.Load()
	for b.Loop() {
		h.do(&setMuted{h.members[20], track.Camera, true})
		h.do(&setMuted{h.members[20], track.Camera, false})
	}
	h.report(b, before)
}

// BenchmarkHallView: one of 500 turns the page.
func BenchmarkHallView(b *testing.B) {
	h := newHall()
	var views [2]View
	for i := range views {
		for _, m := range h.members[i*9 : i*9+9] {
			views[i].Want = append(views[i].Want, Want{Member: m.id, Source: track.Camera, Size: track.Size{Width: 320, Height: 180}})
		}
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		h.do(&setView{h.members[100], views[n%2]})
	}
}

// bystander is an observer that does nothing.
type bystander struct{}

func (bystander) RoomChanged(track.Snapshot) {}
func (bystander) RoomClosed()                {}

// BenchmarkHallObserved: one of 500 renames while a broadcast observes the room.
func BenchmarkHallObserved(b *testing.B) {
	h := newHall()
	h.do(&observe{&observer{bystander{}}, make(chan error, 1)})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		h.do(&setName{h.members[100], fmt.Sprint(n % 2)})
	}
}

// BenchmarkJoinStorm lets 500 people with a camera and 25 slots join one room at
// once and leave again. It reports the events a member gets.
func BenchmarkJoinStorm(b *testing.B) {
	var events atomic.Int64
	for b.Loop() {
		rooms := NewRooms(Config{MaxMembers: people})
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() {
				m, err := rooms.Join(context.Background(), "acme/all", Identity{Name: fmt.Sprint(i)}, counter{&events})
				if err != nil {
					b.Error(err)
					return
				}
				m.Publish(tracktest.NewUpTrack(track.Info{Member: m.ID(), Kind: track.Video, Source: track.Camera}))
				m.SetDown(&fakeDown{slots: slotsOf("aaavvvvvvvvvvvvvvvvvvvvvvvvv"), bound: map[string]string{}, sizes: map[string]track.Size{}})
			})
		}
		wg.Wait()
		rooms.Close()
	}
	b.ReportMetric(float64(events.Load())/float64(b.N*people), "events/member")
}
