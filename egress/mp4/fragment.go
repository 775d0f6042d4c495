// Package mp4 writes H.264 and AAC as fragmented MP4 (ISO/IEC 14496-12 and
// CMAF), reads such files back even when they end in the middle, and turns them
// into fast-start MP4.
package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/meetcast/meetcast/egress/media"
)

// VideoScale is the timescale of pictures. Sound has its sample rate.
const VideoScale = 90000

// The track ids.
const (
	videoID = 1
	audioID = 2
)

// ErrParams is wrapped when a programme cannot be written as MP4.
var ErrParams = errors.New("parameters do not fit mp4")

// Init returns the initialisation segment (ftyp and moov) of a programme.
func Init(p media.Params) ([]byte, error) {
	var init fmp4.Init
	if v := p.Video; v != nil {
		if len(v.SPS) < 4 || len(v.PPS) == 0 {
			return nil, fmt.Errorf("%w: no parameter sets", ErrParams)
		}
		init.Tracks = append(init.Tracks, &fmp4.InitTrack{
			ID: videoID, TimeScale: VideoScale, Codec: &codecs.H264{SPS: v.SPS, PPS: v.PPS},
		})
	}
	if a := p.Audio; a != nil {
		var config mpeg4audio.AudioSpecificConfig
		if err := config.Unmarshal(a.Config); err != nil {
			return nil, fmt.Errorf("%w: aac configuration: %w", ErrParams, err)
		}
		if a.SampleRate <= 0 {
			return nil, fmt.Errorf("%w: sound at %d Hz", ErrParams, a.SampleRate)
		}
		init.Tracks = append(init.Tracks, &fmp4.InitTrack{
			ID: audioID, TimeScale: uint32(a.SampleRate), Codec: &codecs.MPEG4Audio{Config: config},
		})
	}
	if len(init.Tracks) == 0 {
		return nil, fmt.Errorf("%w: neither picture nor sound", ErrParams)
	}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("write init segment: %w", err)
	}
	return buf.Bytes(), nil
}

// Codecs names the codecs of a programme for MSE and HLS, RFC 6381.
func Codecs(p media.Params) string {
	var names []string
	if v := p.Video; v != nil && len(v.SPS) >= 4 {
		names = append(names, fmt.Sprintf("avc1.%02X%02X%02X", v.SPS[1], v.SPS[2], v.SPS[3]))
	}
	if a := p.Audio; a != nil && len(a.Config) > 0 {
		names = append(names, fmt.Sprintf("mp4a.40.%d", a.Config[0]>>3))
	}
	return strings.Join(names, ",")
}

// Fragment is one moof with its mdat.
type Fragment struct {
	Data []byte
	// Key is true when a decoder may start here.
	Key bool
	// Start is the decode time of the first sample, End that after the last.
	Start, End time.Duration
}

// Fragmenter collects samples and cuts them into fragments. Each fragment
// carries its own decode times, so one that is lost shifts nothing.
type Fragmenter struct {
	params   media.Params
	sequence uint32
	time     *Timeline
	prefix   []byte // parameter sets for key pictures, see InBand

	video, sound []unit
	bytes        int
}

// unit is a sample on its track's timescale.
type unit struct {
	dts  int64
	cto  int32
	key  bool
	data []byte
}

// NewFragmenter returns a Fragmenter for a programme.
func NewFragmenter(p media.Params) *Fragmenter {
	return &Fragmenter{params: p, time: NewTimeline(p)}
}

// InBand makes the parameter sets of v travel inside key pictures from now on:
// the encoder has changed them and the init segment is already written.
func (f *Fragmenter) InBand(v media.VideoParams) {
	f.params.Video = &v
	f.prefix = nil
	for _, ps := range [][]byte{v.SPS, v.PPS} {
		n := len(ps)
		f.prefix = append(f.prefix, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		f.prefix = append(f.prefix, ps...)
	}
}

// Add takes a sample; one of a track that the programme does not have is
// ignored.
func (f *Fragmenter) Add(s media.Sample) {
	if (s.Kind == media.Audio && f.params.Audio == nil) || (s.Kind == media.Video && f.params.Video == nil) {
		return
	}
	at, ok := f.time.At(s)
	if !ok {
		return
	}
	u := unit{dts: at.DTS, cto: int32(at.PTS - at.DTS), key: s.Key, data: s.Data}
	f.bytes += len(s.Data)
	if s.Kind == media.Audio {
		u.key = true
		f.sound = append(f.sound, u)
		return
	}
	if s.Key && f.prefix != nil {
		u.data = append(bytes.Clone(f.prefix), s.Data...)
	}
	f.video = append(f.video, u)
}

// Pending returns the media time and the bytes that wait for Cut.
func (f *Fragmenter) Pending() (span time.Duration, size int) {
	if n := len(f.video); n > 0 {
		span = duration(f.video[n-1].dts-f.video[0].dts+f.frame(), VideoScale)
	}
	if n := len(f.sound); n > 0 {
		span = max(span, duration(f.sound[n-1].dts-f.sound[0].dts+aacFrame, f.time.audio.rate))
	}
	return span, f.bytes
}

// Cut makes a fragment of all that waits; false when nothing does.
func (f *Fragmenter) Cut() (Fragment, bool, error) {
	if len(f.video)+len(f.sound) == 0 {
		return Fragment{}, false, nil
	}
	f.sequence++
	part := fmp4.Part{SequenceNumber: f.sequence}
	fr := Fragment{Key: true}
	if n := len(f.video); n > 0 {
		part.Tracks = append(part.Tracks, run(videoID, f.video, f.frame()))
		fr.Key = f.video[0].key
		fr.Start = duration(f.video[0].dts, VideoScale)
		fr.End = duration(f.video[n-1].dts+f.frame(), VideoScale)
	} else if f.params.Video != nil {
		fr.Key = false // sound alone is no start for a programme with picture
	}
	if n := len(f.sound); n > 0 {
		part.Tracks = append(part.Tracks, run(audioID, f.sound, aacFrame))
		if len(f.video) == 0 {
			fr.Start = duration(f.sound[0].dts, f.time.audio.rate)
			fr.End = duration(f.sound[n-1].dts+aacFrame, f.time.audio.rate)
		}
	}
	f.video, f.sound, f.bytes = nil, nil, 0
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return Fragment{}, false, fmt.Errorf("write fragment: %w", err)
	}
	fr.Data = buf.Bytes()
	return fr, true, nil
}

// frame is the nominal duration of a picture in ticks.
func (f *Fragmenter) frame() int64 {
	fps := 30
	if v := f.params.Video; v != nil && v.FPS > 0 {
		fps = v.FPS
	}
	return VideoScale / int64(fps)
}

// run lays out the samples of one track; the last gets the nominal duration,
// since nobody knows yet when the next comes.
func run(id int, units []unit, nominal int64) *fmp4.PartTrack {
	t := &fmp4.PartTrack{ID: id, BaseTime: uint64(max(units[0].dts, 0))}
	for i, u := range units {
		d := nominal
		if i+1 < len(units) {
			d = units[i+1].dts - u.dts
		}
		t.Samples = append(t.Samples, &fmp4.Sample{
			Duration: uint32(d), PTSOffset: u.cto, IsNonSyncSample: !u.key, Payload: u.data,
		})
	}
	return t
}
