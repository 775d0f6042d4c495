package tap

import (
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// The bounds of the playout delay of a publisher, and how fast it moves: no
// faster than sound can be stretched without being heard.
const (
	MinDelay     = 60 * time.Millisecond
	MaxDelay     = 400 * time.Millisecond
	InitialDelay = 100 * time.Millisecond
	delayMargin  = 20 * time.Millisecond
	delayUp      = 15 * time.Millisecond // per second
	delayDown    = 6 * time.Millisecond  // per second
	// delayBand is how much shorter the delay must be able to be before it moves
	// down: it should stand still most of the time, for each move bends the pitch.
	delayBand = 40 * time.Millisecond
	// settling is how long the delay may jump up after the first packet.
	settling = 1500 * time.Millisecond
	// insane is how far a mapped capture time may be from the arrival before the
	// sender's wall clock is not believed.
	insane = 3 * time.Second
)

// Publisher is the clock of one member: what was captured at one moment by its
// microphone and its camera gets the same time. It is safe for concurrent use.
type Publisher struct {
	mu     sync.Mutex
	epoch  time.Time // the sender's wall clock at the first sender report
	offset windowMin // server time minus the sender's time since epoch
	late   lateness

	delay   time.Duration
	began   time.Duration // of the first packet
	stepped time.Duration // when delay was last moved
	fresh   bool
}

// NewPublisher returns the clock of a member that has sent nothing yet.
func NewPublisher() *Publisher { return &Publisher{delay: InitialDelay, fresh: true} }

// Delay is how long after its capture media of this member is played.
func (p *Publisher) Delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

// Ready tells when media captured at a time was ready to be played, so that
// the delay can follow.
func (p *Publisher) Ready(capture, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh {
		p.fresh, p.began, p.stepped = false, now, now
	}
	p.late.add(now - capture)
	step := now - p.stepped
	if step < 250*time.Millisecond {
		return
	}
	p.stepped = now
	p.late.fade()
	q, ok := p.late.quantile(0.97)
	if !ok {
		return
	}
	want := min(max(q+delayMargin, MinDelay), MaxDelay)
	if now-p.began < settling && want > p.delay {
		p.delay = want
		return
	}
	// What has not been heard of for a while (a still screen) moves one step only.
	step = min(step, 500*time.Millisecond)
	up, down := delayUp*step/time.Second, delayDown*step/time.Second
	switch {
	case want > p.delay:
		p.delay = min(want, p.delay+up)
	case want < p.delay-delayBand:
		p.delay = max(want, p.delay-down)
	}
}

// rtpMap places the RTP timestamps of one stream on the server's clock.
type rtpMap struct {
	rate    time.Duration // RTP ticks a second
	begun   bool
	highest int64
	arrival windowMin // arrival minus RTP time
	ref     track.ClockRef
	haveRef bool
	refAt   int64 // extended timestamp of ref
	offset  time.Duration
}

// extend returns the timestamp extended to 64 bits (RFC 3550 §5.1), starting
// above 2³² so that it stays positive.
func (m *rtpMap) extend(ts uint32) int64 {
	if !m.begun {
		m.begun, m.highest = true, int64(ts)+1<<32
	}
	v := m.highest + int64(int32(ts-uint32(m.highest)))
	m.highest = max(m.highest, v)
	return v
}

// media returns an extended timestamp as a time on the stream's own clock.
func (m *rtpMap) media(v int64) time.Duration {
	return time.Duration(v)/m.rate*time.Second + time.Duration(v)%m.rate*time.Second/m.rate
}

// learn takes a packet's timestamp and arrival, and the newest sender report
// when there is one. Afterwards offset holds server time minus stream time.
func (m *rtpMap) learn(p *Publisher, v int64, arrival time.Duration, ref track.ClockRef, haveRef bool) {
	at := m.media(v)
	m.arrival.add(arrival, arrival-at)
	least, _ := m.arrival.min()
	m.offset = least
	if haveRef && (!m.haveRef || ref != m.ref) {
		m.ref, m.haveRef = ref, true
		m.refAt = m.highest + int64(int32(ref.RTP-uint32(m.highest)))
	}
	if !m.haveRef {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch.IsZero() {
		p.epoch = m.ref.NTP
	}
	// sender is the sender's wall clock when stream time was zero.
	sender := m.ref.NTP.Sub(p.epoch) - m.media(m.refAt)
	skew := arrival - (sender + at)
	if known, ok := p.offset.min(); ok && (skew > known+insane || skew < known-insane) {
		p.offset = windowMin{}
	}
	p.offset.add(arrival, skew)
	known, _ := p.offset.min()
	if mapped := sender + known; mapped > least-insane && mapped < least+insane {
		m.offset = mapped
	}
}
