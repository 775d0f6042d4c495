package egress

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/egress/avproc"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/onair"
)

const (
	// opusLinger is how long the encoder outlives its last listener: players
	// that reconnect find it running.
	opusLinger = 30 * time.Second
	// opusTries is how many children may die without a packet before the sound
	// is given up until the next listener: this ffmpeg has no Opus.
	opusTries = 3
)

// opus encodes the mix a second time for viewers over WebRTC, whose browsers
// play no AAC, while there are any. It belongs to the audio loop.
type opus struct {
	cfg    avproc.AudioConfig
	log    *slog.Logger
	onAir  *onair.Programme
	wanted atomic.Bool // somebody listens; set from outside

	enc     *avproc.AudioEncoder // nil while nobody listens
	idle    time.Duration        // since the last one
	broken  bool
	closing sync.WaitGroup
}

// opusFrame is a block of sound in samples of one channel: one Opus packet.
const opusFrame = int64(soundBlock * media.SampleRate / time.Second)

// write takes block n of the mix.
func (o *opus) write(mix []float32, n int64) {
	switch wanted := o.wanted.Load(); {
	case o.enc == nil && wanted && !o.broken:
		cfg := o.cfg
		cfg.Start = n * opusFrame
		o.enc = avproc.NewAudioEncoder(cfg, opusOutput{o.onAir}, o.log)
	case o.enc == nil && !wanted:
		o.broken = false
	case o.enc != nil && wanted:
		o.idle = 0
		if s := o.enc.Stats(); s.Out == 0 && s.Crashes >= opusTries {
			o.log.Error("viewers over WebRTC get no sound; does this ffmpeg have libopus?", "err", s.LastErr)
			o.broken = true
			o.end()
		}
	case o.enc != nil:
		if o.idle += soundBlock; o.idle >= opusLinger {
			o.end()
		}
	}
	if o.enc != nil {
		o.enc.Write(mix)
	}
}

// end kills the encoder in the background: nobody waits for the rest.
func (o *opus) end() {
	enc := o.enc
	o.enc, o.idle = nil, 0
	if enc == nil {
		return
	}
	o.closing.Go(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		enc.Close(now)
	})
}

// close ends the encoder and waits.
func (o *opus) close() {
	o.end()
	o.closing.Wait()
}

// opusOutput is where the packets go.
type opusOutput struct{ onAir *onair.Programme }

// AudioBegin implements avproc.AudioOutput.
func (opusOutput) AudioBegin(media.AudioParams) {}

// Audio implements avproc.AudioOutput.
func (o opusOutput) Audio(s media.Sample) { o.onAir.Sound(s) }
