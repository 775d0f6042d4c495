// Package onair shows an encoded programme as a member of a room shows its camera
// and microphone: two tracks of RTP that anything which forwards tracks can play
// to viewers, a few milliseconds after the encoder.
//
//	fan ──> Write (H.264) ─┐
//	                       ├─> queue ─> run: payload, packet ─> forward.Track ─> viewers
//	Sound (Opus) ──────────┘
//
// The picture is what the encoder makes for everybody, so nobody can ask it for a
// key picture: a viewer begins with the next one, at most a picture group away.
package onair

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/keyqueue"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// Bounds of what waits to be sent: beyond them the programme goes on with its
// next key picture.
const (
	maxSpan  = 2 * time.Second
	maxBytes = 8 << 20
)

// Config of a Programme.
type Config struct {
	// Name under which it is played.
	Name string
	// Epoch is the wall time of PTS 0.
	Epoch time.Time
	// Heard is told when the first viewer listens and when the last has gone, in
	// order; it must not block. Sound is expected between the two. May be nil.
	Heard func(bool)
}

// Programme is a programme on air. It is a media.Sink for the picture.
type Programme struct {
	cfg     Config
	queue   *keyqueue.Queue[item]
	picture *picture
	sound   *sound
	stop    context.CancelFunc
	done    chan struct{} // closed when the tracks have ended

	mu     sync.Mutex
	params *media.VideoParams // of the samples to come
}

var _ media.Sink = (*Programme)(nil)

// item is a sample on its way to the tracks.
type item struct {
	media.Sample
	params *media.VideoParams // of a picture
}

// New returns a programme that waits for its first key picture.
func New(cfg Config) *Programme {
	if cfg.Heard == nil {
		cfg.Heard = func(bool) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	// Two broadcasts of one name are different tracks.
	id := "programme/" + cfg.Name + "/" + rand.Text()[:6]
	p := &Programme{cfg: cfg, stop: cancel, done: make(chan struct{}),
		queue: keyqueue.New[item](keyqueue.Limits{Span: maxSpan, Bytes: maxBytes})}
	p.picture = newPicture(track.Info{ID: track.TrackID(id + "/picture"), Member: track.MemberID(id), Kind: track.Video,
		Source: track.Camera, Codec: packet.H264, ClockRate: pictureRate}, cfg.Epoch)
	p.sound = newSound(track.Info{ID: track.TrackID(id + "/sound"), Member: track.MemberID(id), Kind: track.Audio,
		Source: track.Microphone, Codec: packet.Opus, ClockRate: media.SampleRate}, cfg.Epoch, cfg.Heard)
	go p.run(ctx)
	return p
}

// Tracks returns the picture and the sound.
func (p *Programme) Tracks() []track.UpTrack { return []track.UpTrack{p.picture, p.sound} }

// Done is closed when the programme is over.
func (p *Programme) Done() <-chan struct{} { return p.done }

// Begin implements media.Sink.
func (p *Programme) Begin(params media.Params) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.params = params.Video
}

// Write implements media.Sink. The sound it brings is AAC, which no WebRTC
// viewer plays; see Sound.
func (p *Programme) Write(s media.Sample) {
	if s.Kind != media.Video {
		return
	}
	p.mu.Lock()
	params := p.params
	p.mu.Unlock()
	if params != nil {
		p.push(item{s, params}, s.Key)
	}
}

// Sound takes an Opus packet (RFC 6716). It does not block.
func (p *Programme) Sound(s media.Sample) { p.push(item{Sample: s}, false) }

func (p *Programme) push(i item, entry bool) {
	p.queue.Push(i, keyqueue.Meta{Entry: entry, Bytes: len(i.Data), At: i.DTS})
}

// run sends what is queued until the programme is closed, and ends the tracks.
func (p *Programme) run(ctx context.Context) {
	defer close(p.done)
	for {
		i, err := p.queue.Pop(ctx)
		if err != nil {
			break
		}
		if i.Kind == media.Video {
			p.picture.send(i.Sample, i.params)
		} else {
			p.sound.send(i.Sample)
		}
	}
	p.picture.Close()
	p.sound.Close()
}

// Close implements media.Sink: what is queued is not sent any more, for whoever
// watches sees the end at once.
func (p *Programme) Close() error {
	p.stop()
	<-p.done
	return nil
}

// Dropped is how many samples were left out because packets could not be sent
// fast enough.
func (p *Programme) Dropped() uint64 {
	_, _, _, dropped := p.queue.Stats()
	return dropped
}
