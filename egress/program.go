package egress

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/egress/avproc"
	"github.com/meetcast/meetcast/egress/compose"
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/onair"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// The niceness of the children: packets are forwarded first, then the
	// programme goes out, then pictures are decoded.
	encoderNice = 2
	decoderNice = 5
	// soundBlock is how much sound is mixed at a time.
	soundBlock = 20 * time.Millisecond
	// maxSoundLag is how far mixing may be behind the clock.
	maxSoundLag = 500 * time.Millisecond
	// What an empty room shows before the first person came, and afterwards.
	slateBefore = "We will begin shortly"
	slateAfter  = "We will be right back"
)

// program makes the programme of one broadcast: it follows a room, composes
// pictures and sound on its output clock and encodes them into its fan of
// sinks. It implements track.Observer.
//
//	room's loop  -> RoomChanged, RoomClosed
//	stage        -> who is seen and heard           (100 ms or when poked)
//	video loop   -> canvas, one picture a frame     (1/fps)
//	audio loop   -> mix, one block                  (20 ms)
type program struct {
	cfg   Config
	log   *slog.Logger
	clock outputClock
	fan   *fan
	video *avproc.VideoEncoder
	audio *avproc.AudioEncoder
	onAir *onair.Programme

	canvas *compose.Canvas // the video loop's
	opus   opus            // the audio loop's
	mixer  compose.Mixer   // the audio loop's
	scene  atomic.Pointer[scene]
	poked  chan struct{} // capacity 1
	stop   chan struct{}
	once   sync.Once
	wg     sync.WaitGroup

	mu       sync.Mutex
	snapshot track.Snapshot
	mode     layout.Mode
	leave    func()
	empty    time.Time // since when nobody is there, zero when somebody is
	known    bool      // the room has been seen
	attended bool      // somebody has been there
	gathered Stats     // of feeds and voices, by the stage
	past     Stats     // of feeds that are gone

	late atomic.Uint64 // ticks of the video loop
	mute atomic.Uint64 // blocks of the audio loop that became silence
}

// newProgram starts the clock, the encoders and the loops.
func newProgram(cfg Config, stream string, mode layout.Mode, log *slog.Logger) (*program, error) {
	canvas, err := compose.NewCanvas(cfg.Width, cfg.Height)
	if err != nil {
		return nil, fmt.Errorf("make a canvas: %w", err)
	}
	p := &program{
		cfg: cfg, log: log, canvas: canvas, mode: mode, fan: &fan{},
		clock: outputClock{time.Now()}, empty: time.Now(),
		poked: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	p.scene.Store(&scene{})
	p.onAir = onair.New(onair.Config{Name: stream, Epoch: p.clock.epoch, Heard: p.opus.wanted.Store})
	p.opus.cfg = avproc.AudioConfig{FFmpeg: cfg.FFmpeg, Format: avproc.Opus, Bitrate: cfg.AudioBitrate, Nice: encoderNice}
	p.opus.log, p.opus.onAir = log, p.onAir
	p.fan.add(p.onAir)
	p.video = avproc.NewVideoEncoder(avproc.VideoConfig{FFmpeg: cfg.FFmpeg, Encoder: cfg.Encoder,
		Width: cfg.Width, Height: cfg.Height, FPS: cfg.FPS, Bitrate: cfg.VideoBitrate, Nice: encoderNice}, p.fan, log)
	p.audio = avproc.NewAudioEncoder(avproc.AudioConfig{FFmpeg: cfg.FFmpeg,
		Bitrate: cfg.AudioBitrate, Nice: encoderNice}, p.fan, log)
	s := &stage{p: p, actors: make(map[track.MemberID]*actor)}
	p.wg.Go(s.run)
	p.wg.Go(p.videoLoop)
	p.wg.Go(p.audioLoop)
	return p, nil
}

// observe follows a room; it is called once.
func (p *program) observe(r track.Room) {
	leave := r.Observe(p)
	p.mu.Lock()
	p.leave = leave
	p.mu.Unlock()
}

// RoomChanged implements track.Observer.
func (p *program) RoomChanged(s track.Snapshot) {
	p.mu.Lock()
	p.snapshot, p.known = s, true
	switch {
	case len(s.Members) > 0:
		p.empty, p.attended = time.Time{}, true
	case p.empty.IsZero():
		p.empty = time.Now()
	}
	p.mu.Unlock()
	p.stagePoke()
}

// RoomClosed implements track.Observer: the slate stays until the broadcast is
// stopped.
func (p *program) RoomClosed() { p.RoomChanged(track.Snapshot{}) }

// setMode changes the layout.
func (p *program) setMode(m layout.Mode) {
	p.mu.Lock()
	p.mode = m
	p.mu.Unlock()
	p.stagePoke()
}

// room returns what the stage works from.
func (p *program) room() (track.Snapshot, layout.Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snapshot, p.mode
}

// slate is what an empty canvas says; nothing in the moment before the room has
// been seen.
func (p *program) slate() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.known:
		return ""
	case p.attended:
		return slateAfter
	}
	return slateBefore
}

// emptyFor is how long nobody has been in the room.
func (p *program) emptyFor() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.empty.IsZero() {
		return 0
	}
	return time.Since(p.empty)
}

// encoding tells whether both encoders give samples, and fails when one cannot
// be made to: its child has died several times without giving any.
func (p *program) encoding() (bool, error) {
	v, a := p.video.Stats(), p.audio.Stats()
	const tries = 3
	for _, s := range []avproc.EncoderStats{v, a} {
		if s.Out == 0 && s.Crashes >= tries {
			return false, newError(Unavailable, nil,
				"The video encoder %s does not work on this server: %s", p.cfg.Encoder, s.LastErr)
		}
	}
	return v.Out > 0 && a.Out > 0, nil
}

func (p *program) stagePoke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

// retire closes a feed in the background and keeps its counters.
func (p *program) retire(f *feed) {
	p.wg.Go(func() {
		f.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		addFeed(&p.past, f.stats())
	})
}

// videoLoop draws and hands over one picture for each tick of the clock. A tick
// that is missed is encoded again from the picture before it.
func (p *program) videoLoop() {
	frame := func(n int64) time.Duration { return time.Duration(n) * time.Second / time.Duration(p.cfg.FPS) }
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var items []compose.Item
	for n := int64(0); p.clock.sleepUntil(frame(n), timer, p.stop); n++ {
		if now := p.clock.now(); now >= frame(n+1) {
			due := int64(now * time.Duration(p.cfg.FPS) / time.Second)
			p.late.Add(uint64(due - n))
			n = due
		}
		now := p.scene.Load()
		items = p.items(items[:0], now, frame(n))
		p.canvas.Draw(items, now.slate)
		p.video.Write(p.canvas.Picture(), n)
	}
}

// items appends the tiles of a scene as they are to be seen at an output time.
func (p *program) items(items []compose.Item, s *scene, t time.Duration) []compose.Item {
	half := time.Second / time.Duration(2*p.cfg.FPS)
	for _, pl := range s.tiles {
		it := compose.Item{
			ID: string(pl.tile.Member), Name: pl.name, Rect: pl.tile.Rect, Whole: pl.tile.Whole,
			Plain:    pl.tile.Source == track.Screen,
			Speaking: pl.tile.Source == track.Camera && pl.actor.speaking.Load(),
		}
		if pl.feed != nil {
			it.Picture, it.Serial = pl.feed.pick(t, half)
		}
		items = append(items, it)
	}
	return items
}

// audioLoop mixes and hands over one block of sound after the other, without a
// gap, as the clock reaches their beginnings.
func (p *program) audioLoop() {
	const samples = int(soundBlock * media.SampleRate / time.Second)
	sum := make([]float32, samples*media.Channels)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer p.opus.close()
	for n := time.Duration(0); p.clock.sleepUntil(n*soundBlock, timer, p.stop); n++ {
		clear(sum)
		if p.clock.now()-n*soundBlock < maxSoundLag {
			for _, v := range p.scene.Load().voices {
				v.Mix(sum, n*soundBlock)
			}
		} else { // the machine cannot keep up: silence catches up
			p.mute.Add(1)
		}
		p.mixer.Limit(sum)
		p.audio.Write(sum)
		p.opus.write(sum, int64(n))
	}
}

// close leaves the room, lets the encoders finish until the end of ctx, and
// waits for everything. It is idempotent.
func (p *program) close(ctx context.Context) {
	p.once.Do(func() {
		p.mu.Lock()
		leave := p.leave
		p.leave = nil
		p.mu.Unlock()
		if leave != nil {
			leave()
		}
		close(p.stop)
		var wg sync.WaitGroup
		wg.Go(func() { p.video.Close(ctx) })
		wg.Go(func() { p.audio.Close(ctx) })
		wg.Wait()
		p.wg.Wait()
		_ = p.onAir.Close() // nothing of it can fail
	})
}
