package bwe

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/bwe/bwetest"
)

// link is a path with a capacity, a queue and random loss, on virtual time.
type link struct {
	capacity int // bit/s
	delay    time.Duration
	loss     float64
	queue    time.Duration // at most
	free     time.Time     // when the wire is idle again
	rand     *rand.Rand
}

// carry returns when a packet arrives, false when it is lost.
func (l *link) carry(now time.Time, size int) (time.Time, bool) {
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now) > l.queue || l.rand.Float64() < l.loss {
		return time.Time{}, false
	}
	l.free = l.free.Add(time.Duration(float64(size*8) / float64(l.capacity) * float64(time.Second)))
	return l.free.Add(l.delay), true
}

// sim sends layers of the given rates over a link, as an allocator would, with
// feedback every 50 ms.
type sim struct {
	t      *testing.T
	e      *Estimator
	link   link
	layers []int
	now    time.Time
	epoch  time.Time
	debt   float64
	// silence sends nothing when not even the lowest layer fits.
	silence bool

	recorder bwetest.Recorder
	arrived  map[uint16]time.Time
	due      []uint16
	late     []delivery
	nextFB   time.Time
}

type delivery struct {
	at time.Time
	fb []byte
}

func newSim(t *testing.T, capacity int, layers ...int) *sim {
	now := time.Unix(1000, 0)
	return &sim{t: t, e: New(Config{}, now), now: now, epoch: now, layers: layers, arrived: map[uint16]time.Time{},
		link: link{capacity: capacity, delay: 25 * time.Millisecond, queue: 300 * time.Millisecond, rand: rand.New(rand.NewPCG(1, 2))}}
}

// media is the highest layer under the estimate.
func (s *sim) media() int {
	rate := 50_000
	if s.silence {
		rate = 0
	}
	for _, l := range s.layers {
		if l <= s.e.Target() {
			rate = l
		}
	}
	return rate
}

func (s *sim) send(size int) {
	seq := s.e.Stamp(s.now, size)
	if at, ok := s.link.carry(s.now, size); ok {
		s.arrived[seq] = at
	}
}

// run plays for a while and returns the mean media rate of the last quarter.
func (s *sim) run(d time.Duration) (media float64) {
	end, n := s.now.Add(d), 0
	for s.now.Before(end) {
		s.now = s.now.Add(5 * time.Millisecond)
		rate := s.media()
		if s.now.After(end.Add(-d / 4)) {
			media, n = media+float64(rate), n+1
		}
		s.debt += float64(rate) / 8 * 0.005
		for ; s.debt > 1100; s.debt -= 1100 {
			s.send(1100)
		}
		if pad, _ := s.e.Probe(s.now, s.layers[len(s.layers)-1]); pad > 0 {
			for ; pad > 0; pad -= 275 {
				s.send(275)
			}
		}
		s.feedback()
	}
	return media / float64(n)
}

func (s *sim) feedback() {
	for len(s.late) > 0 && !s.late[0].at.After(s.now) {
		if _, err := s.e.Report(s.now, s.late[0].fb); err != nil {
			s.t.Fatal(err)
		}
		s.late = s.late[1:]
	}
	if s.now.Before(s.nextFB) {
		return
	}
	s.nextFB = s.now.Add(50 * time.Millisecond)
	for seq, at := range s.arrived {
		if !at.After(s.now) {
			s.due = append(s.due, seq)
		}
	}
	slices.SortFunc(s.due, func(a, b uint16) int { return int(int16(a - b)) })
	for _, seq := range s.due {
		s.recorder.Note(seq, s.arrived[seq].Sub(s.epoch))
		delete(s.arrived, seq)
	}
	s.due = s.due[:0]
	if b := s.recorder.Report(); b != nil {
		s.late = append(s.late, delivery{s.now.Add(s.link.delay), b})
	}
}

func TestClimbsToTheTopLayer(t *testing.T) {
	s := newSim(t, 10_000_000, 150_000, 500_000, 2_000_000)
	if got := s.run(10 * time.Second); got < 1_990_000 {
		t.Fatalf("media at %.0f bit/s after 10 s on a free path; %+v", got, s.e.Stats())
	}
	if rtt := s.e.RTT(); rtt < 45*time.Millisecond || rtt > 150*time.Millisecond {
		t.Fatalf("RTT %v on a path of 50 ms", rtt)
	}
}

// The path falls from 3 Mbit/s to 400 kbit/s and recovers: what is sent follows
// within seconds, and the top layer is back within ten.
func TestFollowsTheCapacity(t *testing.T) {
	s := newSim(t, 3_000_000, 150_000, 350_000, 700_000, 2_000_000)
	if got := s.run(15 * time.Second); got < 1_900_000 {
		t.Fatalf("media at %.0f bit/s on 3 Mbit/s; %+v", got, s.e.Stats())
	}
	s.link.capacity = 400_000
	s.run(3 * time.Second)
	if got := s.run(10 * time.Second); got > 400_000 || got < 140_000 {
		t.Fatalf("media at %.0f bit/s on 400 kbit/s; %+v", got, s.e.Stats())
	}
	s.link.capacity = 3_000_000
	if got := s.run(12 * time.Second); got < 1_900_000 {
		t.Fatalf("media at %.0f bit/s 10 s after recovery; %+v", got, s.e.Stats())
	}
}

// A path with a deep buffer loses nothing: only the delay tells that it is full.
func TestKeepsQueuesShort(t *testing.T) {
	s := newSim(t, 3_000_000, 150_000, 250_000, 350_000, 500_000, 700_000, 1_000_000, 2_000_000)
	s.link.queue = time.Minute
	s.run(15 * time.Second)
	s.link.capacity = 600_000
	s.run(5 * time.Second)
	worst := time.Duration(0)
	for range 100 {
		s.run(100 * time.Millisecond)
		worst = max(worst, s.link.free.Sub(s.now))
	}
	if worst > 400*time.Millisecond {
		t.Fatalf("packets queue for %v; %+v", worst, s.e.Stats())
	}
}

func TestLossLimits(t *testing.T) {
	s := newSim(t, 20_000_000, 150_000, 500_000, 2_000_000)
	s.run(10 * time.Second)
	s.link.loss = 0.3
	if got := s.run(8 * time.Second); got > 600_000 {
		t.Fatalf("media at %.0f bit/s with 30%% loss; %+v", got, s.e.Stats())
	}
	s.link.loss = 0
	if got := s.run(15 * time.Second); got < 1_900_000 {
		t.Fatalf("media at %.0f bit/s after the loss; %+v", got, s.e.Stats())
	}
}

// When not even the lowest layer fits, nothing is sent and nothing reported on.
// The way back is a probe.
func TestComesBackFromNothing(t *testing.T) {
	s := newSim(t, 3_000_000, 150_000, 1_000_000)
	s.silence = true
	s.run(5 * time.Second)
	s.link.capacity = 20_000
	s.run(10 * time.Second)
	if got := s.e.Target(); got >= 150_000 {
		t.Fatalf("%d bit/s on a path of 20 kbit/s", got)
	}
	s.link.capacity = 3_000_000
	if got := s.run(15 * time.Second); got < 990_000 {
		t.Fatalf("media at %.0f bit/s after recovery; %+v", got, s.e.Stats())
	}
}

func TestDoesNotProbeWithoutDemandOrFeedback(t *testing.T) {
	now := time.Unix(1, 0)
	e := New(Config{}, now)
	if _, running := e.Probe(now, 1<<30); running {
		t.Fatal("probes a path that never answered")
	}
	s := newSim(t, 10_000_000, 150_000)
	s.run(5 * time.Second)
	if n := s.e.Stats().Probes; n != 0 {
		t.Fatalf("%d probes although everything is sent", n)
	}
}

func BenchmarkStamp(b *testing.B) {
	now := time.Unix(1, 0)
	e := New(Config{}, now)
	b.ReportAllocs()
	for b.Loop() {
		e.Stamp(now, 1100)
	}
}
