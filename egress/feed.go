package egress

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/egress/avproc"
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/tap"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// maxReady bounds the decoded pictures of a tile that wait for their time;
	// the oldest goes first.
	maxReady = 16
	// cameraGone and screenGone are how long a picture stays without a packet
	// before the card replaces it; a still screen sends little.
	cameraGone = 1500 * time.Millisecond
	screenGone = 10 * time.Second
	// pictureGone is how long it stays when packets come but no pictures.
	pictureGone = 5 * time.Second
	// warmUp is how long a new decoder's pictures say nothing about the delay.
	warmUp = time.Second
)

// feed is the video of one tile: a track, the decoder for the tile's size, and
// the pictures that wait for their time. While the size changes, two decoders
// run until the new one has its first picture.
type feed struct {
	up    track.UpTrack
	pub   *tap.Publisher
	clock outputClock
	cfg   avproc.DecodeConfig
	log   *slog.Logger
	video *tap.Video
	gone  time.Duration
	poke  func() // wakes the stage

	needKey atomic.Bool
	closing sync.WaitGroup

	mu        sync.Mutex
	cur, next *intake
	ready     []readyPicture
	shown     readyPicture
	serial    uint64
	closed    bool
	dropped   uint64 // pictures that were never shown
	retired   avproc.DecoderStats
}

// intake is one decoder of a feed.
type intake struct {
	f     *feed
	dec   *avproc.Decoder
	first time.Duration // when the first picture came
	begun bool
}

type readyPicture struct {
	pic     *media.Picture
	capture time.Duration
	at      time.Duration // when it was ready
	dec     *avproc.Decoder
}

// decodable tells whether a codec can be shown.
func decodable(c packet.Codec) bool { return c == packet.VP8 || c == packet.H264 }

// newFeed attaches to a track and asks for a key frame.
func newFeed(up track.UpTrack, pub *tap.Publisher, p *program, tile layout.Tile) *feed {
	f := &feed{up: up, pub: pub, clock: p.clock, log: p.log, poke: p.stagePoke, gone: cameraGone,
		cfg: avproc.DecodeConfig{FFmpeg: p.cfg.FFmpeg, Codec: up.Info().Codec, Nice: decoderNice}}
	if up.Info().Source == track.Screen {
		f.gone = screenGone
	}
	f.want(tile)
	f.video = tap.NewVideo(up, pub, p.clock, track.Size{Width: tile.Rect.W, Height: tile.Rect.H}, f)
	f.video.Tick(time.Now())
	return f
}

// want makes the feed fit a tile.
func (f *feed) want(tile layout.Tile) {
	cfg := f.cfg
	cfg.Width, cfg.Height, cfg.Fit = tile.Rect.W, tile.Rect.H, avproc.Fill
	if tile.Whole {
		cfg.Fit = avproc.Contain
	}
	f.mu.Lock()
	newest := f.next
	if newest == nil {
		newest = f.cur
	}
	if f.closed || newest != nil && newest.dec.Config() == cfg {
		f.mu.Unlock()
		return
	}
	f.retire(f.next)
	in := &intake{f: f}
	in.dec = avproc.NewDecoder(cfg, in, f.log) // in.Picture waits for mu
	f.next = in
	f.mu.Unlock()
	if f.video != nil {
		f.video.Want(track.Size{Width: cfg.Width, Height: cfg.Height})
		f.needKey.Store(true)
	}
}

// retire closes a decoder in the background; mu is held.
func (f *feed) retire(in *intake) {
	if in == nil {
		return
	}
	s := in.dec.Stats()
	f.retired.Starts += s.Starts
	f.retired.Crashes += s.Crashes
	f.retired.Overflow += s.Overflow
	f.closing.Go(in.dec.Close)
}

// tick does what time brings; the stage calls it about ten times a second.
func (f *feed) tick(now time.Time) {
	if f.needKey.Swap(false) {
		f.video.RequestKey(now)
	}
	f.video.Tick(now)
}

// Frame implements tap.VideoHandler.
func (f *feed) Frame(data []byte, capture time.Duration, key bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for _, in := range []*intake{f.cur, f.next} {
		if in != nil {
			in.dec.Write(data, capture, key)
		}
	}
}

// NeedKey implements avproc.DecoderHandler.
func (in *intake) NeedKey() {
	in.f.needKey.Store(true)
	in.f.poke()
}

// Picture implements avproc.DecoderHandler.
func (in *intake) Picture(pic *media.Picture, capture time.Duration) {
	f := in.f
	now := f.clock.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return
	case f.next == in:
		f.retire(f.cur)
		f.cur, f.next = in, nil
	case f.cur != in: // the one before
		in.dec.Release(pic)
		return
	}
	if !in.begun {
		in.begun, in.first = true, now
	}
	if now-in.first > warmUp {
		f.pub.Ready(capture, now)
	}
	if len(f.ready) >= maxReady {
		f.drop(f.ready[0])
		copy(f.ready, f.ready[1:])
		f.ready = f.ready[:len(f.ready)-1]
	}
	f.ready = append(f.ready, readyPicture{pic, capture, now, in.dec})
}

func (f *feed) drop(r readyPicture) {
	f.dropped++
	r.dec.Release(r.pic)
}

// pick returns the picture to show at an output time and a number that changes
// with it; nil when there is none that is recent. It stays valid until the next
// call. half is half the time between two output pictures: the nearest is taken,
// not the one before.
func (f *feed) pick(t, half time.Duration) (*media.Picture, uint64) {
	delay := f.pub.Delay()
	in, seen := f.video.LastPacket()
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(f.ready) && f.ready[n].capture+delay <= t+half {
		if n > 0 {
			f.drop(f.ready[n-1])
		}
		n++
	}
	if n > 0 {
		if f.shown.pic != nil {
			f.shown.dec.Release(f.shown.pic)
		}
		f.shown = f.ready[n-1]
		f.serial++
		f.ready = f.ready[:copy(f.ready, f.ready[n:])]
	}
	if f.shown.pic == nil || !seen || t-in > f.gone || t-f.shown.at > max(f.gone, pictureGone) {
		return nil, 0
	}
	return f.shown.pic, f.serial
}

// feedStats are the counters of a feed.
type feedStats struct {
	decoder avproc.DecoderStats
	video   tap.VideoStats
	dropped uint64
}

func (f *feed) stats() feedStats {
	v := f.video.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := feedStats{decoder: f.retired, video: v, dropped: f.dropped}
	for _, in := range []*intake{f.cur, f.next} {
		if in != nil {
			d := in.dec.Stats()
			s.decoder.Starts += d.Starts
			s.decoder.Crashes += d.Crashes
			s.decoder.Overflow += d.Overflow
		}
	}
	return s
}

// close detaches and ends the decoders; it waits.
func (f *feed) close() {
	f.video.Close()
	f.mu.Lock()
	f.closed = true
	f.retire(f.cur)
	f.retire(f.next)
	f.cur, f.next = nil, nil
	f.ready = nil
	f.mu.Unlock()
	f.closing.Wait()
}
