package tap

import (
	"errors"
	"fmt"

	"github.com/pion/opus"

	"github.com/meetcast/meetcast/egress/media"
)

// maxOpus is the longest sound of an Opus packet, samples at 48 kHz (120 ms,
// RFC 6716 §3.2.5).
const maxOpus = 5760

var errOpus = errors.New("bad Opus packet")

// opusDecoder decodes the packets of one stream, of every mode, to 48 kHz
// stereo. A malformed packet is an error, whatever it does to the decoder.
type opusDecoder struct {
	dec opus.Decoder
	out [maxOpus * media.Channels]float32
}

func newOpusDecoder() (*opusDecoder, error) {
	dec, err := opus.NewDecoderWithOutput(media.SampleRate, media.Channels)
	if err != nil {
		return nil, fmt.Errorf("make an Opus decoder: %w", err)
	}
	return &opusDecoder{dec: dec}, nil
}

// decode returns the interleaved samples of a packet, valid until the next call.
func (d *opusDecoder) decode(b []byte) (pcm []float32, err error) {
	defer func() {
		// The decoder is young; a packet from the network must not end the show.
		if r := recover(); r != nil {
			pcm, err = nil, fmt.Errorf("%w: %v", errOpus, r)
			if dec, e := opus.NewDecoderWithOutput(media.SampleRate, media.Channels); e == nil {
				d.dec = dec
			}
		}
	}()
	if len(b) == 0 {
		return nil, errOpus
	}
	n, err := d.dec.DecodeToFloat32(b, d.out[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOpus, err)
	}
	return d.out[:n*media.Channels], nil
}
