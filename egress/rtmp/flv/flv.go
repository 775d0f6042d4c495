// Package flv packs H.264 and AAC into the audio and video messages of RTMP,
// which are FLV tag bodies (Adobe FLV 10.1 §E.4), and unpacks them.
package flv

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/yutopp/go-flv/tag"

	"github.com/meetcast/meetcast/egress/media"
)

// ErrCodec is wrapped when the encoder sends something else than H.264 and AAC;
// the sentence says what it sent.
var ErrCodec = errors.New("unsupported codec")

// ErrMalformed is wrapped when a packet cannot be what it claims to be.
var ErrMalformed = errors.New("malformed packet")

// maxSPS bounds a parameter set; real ones have some 30 bytes.
const maxSPS = 1024

// Video is an unpacked video message.
type Video struct {
	// Params is set for a sequence header and nil otherwise.
	Params *media.VideoParams
	// Data is AVCC with 4-byte lengths, without parameter sets and delimiters;
	// empty for a sequence header or an end of sequence.
	Data []byte
	Key  bool
	// Composition is PTS minus DTS, milliseconds.
	Composition int32
}

// ParseVideo unpacks the body of a video message.
func ParseVideo(body []byte) (Video, error) {
	if len(body) > 0 && body[0]&0x80 != 0 {
		return Video{}, fmt.Errorf("%w: enhanced rtmp video %.4q; set the encoder to H.264", ErrCodec, body[1:])
	}
	var d tag.VideoData
	if err := tag.DecodeVideoData(bytes.NewReader(body), &d); err != nil {
		return Video{}, fmt.Errorf("%w: video tag: %w", ErrMalformed, err)
	}
	if d.FrameType == tag.FrameTypeVideoInfoCommandFrame {
		return Video{}, nil
	}
	if d.CodecID != tag.CodecIDAVC {
		return Video{}, fmt.Errorf("%w: video codec %d; set the encoder to H.264", ErrCodec, d.CodecID)
	}
	rest := body[5:]
	switch d.AVCPacketType {
	case tag.AVCPacketTypeSequenceHeader:
		p, err := ParseAVCConfig(rest)
		return Video{Params: p}, err
	case tag.AVCPacketTypeNALU:
		data, key, err := cleanAVCC(rest)
		return Video{Data: data, Key: key, Composition: d.CompositionTime}, err
	}
	return Video{}, nil // end of sequence
}

// ParseAVCConfig reads an AVCDecoderConfigurationRecord, ISO/IEC 14496-15
// §5.3.3.1.
func ParseAVCConfig(b []byte) (*media.VideoParams, error) {
	if len(b) < 7 || b[0] != 1 {
		return nil, fmt.Errorf("%w: avc configuration of %d bytes", ErrMalformed, len(b))
	}
	if b[4]&3 != 3 {
		return nil, fmt.Errorf("%w: nal unit lengths of %d bytes", ErrCodec, b[4]&3+1)
	}
	rest := b[6:]
	sps, rest, err := parameterSet(rest, int(b[5]&0x1f))
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, fmt.Errorf("%w: avc configuration without pps", ErrMalformed)
	}
	pps, _, err := parameterSet(rest[1:], int(rest[0]))
	if err != nil {
		return nil, err
	}
	return VideoParams(sps, pps)
}

// parameterSet reads count parameter sets and returns the first.
func parameterSet(b []byte, count int) (first, rest []byte, err error) {
	for i := range count {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("%w: parameter set ends early", ErrMalformed)
		}
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || n > maxSPS || n > len(b)-2 {
			return nil, nil, fmt.Errorf("%w: parameter set of %d bytes", ErrMalformed, n)
		}
		if i == 0 {
			first = bytes.Clone(b[2 : 2+n])
		}
		b = b[2+n:]
	}
	if first == nil {
		return nil, nil, fmt.Errorf("%w: no parameter set", ErrMalformed)
	}
	return first, b, nil
}

// maxSide bounds the picture an encoder may claim, pixels.
const maxSide = 8192

// VideoParams reads size and frame rate from the parameter sets; FPS is 0 when
// they do not tell.
func VideoParams(sps, pps []byte) (*media.VideoParams, error) {
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("%w: sps: %w", ErrMalformed, err)
	}
	w, h := s.Width(), s.Height()
	if w <= 0 || h <= 0 || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("%w: picture of %dx%d", ErrMalformed, w, h)
	}
	fps := s.FPS()
	if !(fps >= 1 && fps <= 240) {
		fps = 0
	}
	return &media.VideoParams{SPS: sps, PPS: pps, Width: w, Height: h, FPS: int(fps + 0.5)}, nil
}

// cleanAVCC leaves parameter sets, delimiters and filler out of an access unit
// and reports whether it is an IDR picture. It does not copy when there is
// nothing to leave out.
func cleanAVCC(b []byte) (data []byte, key bool, err error) {
	kept, whole := 0, true
	for rest := b; len(rest) > 0; {
		n, err := nalSize(rest)
		if err != nil {
			return nil, false, err
		}
		if n > 0 && keepNAL(rest[4]) {
			key = key || h264.NALUType(rest[4]&0x1f) == h264.NALUTypeIDR
			kept += 4 + n
		} else {
			whole = false
		}
		rest = rest[4+n:]
	}
	if whole {
		return b, key, nil
	}
	data = make([]byte, 0, kept)
	for rest := b; len(rest) > 0; {
		n, _ := nalSize(rest)
		if n > 0 && keepNAL(rest[4]) {
			data = append(data, rest[:4+n]...)
		}
		rest = rest[4+n:]
	}
	return data, key, nil
}

func nalSize(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, fmt.Errorf("%w: nal unit length of %d bytes", ErrMalformed, len(b))
	}
	n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if n > len(b)-4 {
		return 0, fmt.Errorf("%w: nal unit of %d bytes in %d", ErrMalformed, n, len(b)-4)
	}
	return n, nil
}

func keepNAL(header byte) bool {
	switch h264.NALUType(header & 0x1f) {
	case h264.NALUTypeSPS, h264.NALUTypePPS, h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData,
		h264.NALUTypeEndOfSequence, h264.NALUTypeEndOfStream:
		return false
	}
	return true
}

// Audio is an unpacked audio message.
type Audio struct {
	// Params is set for a sequence header and nil otherwise.
	Params *media.AudioParams
	Data   []byte // one raw_data_block
}

// ParseAudio unpacks the body of an audio message.
func ParseAudio(body []byte) (Audio, error) {
	if len(body) == 0 {
		return Audio{}, nil // ffmpeg ends a stream so
	}
	if body[0]>>4 == 9 {
		return Audio{}, fmt.Errorf("%w: enhanced rtmp audio %.4q; set the encoder to AAC", ErrCodec, body[1:])
	}
	var d tag.AudioData
	if err := tag.DecodeAudioData(bytes.NewReader(body), &d); err != nil {
		return Audio{}, fmt.Errorf("%w: audio tag: %w", ErrMalformed, err)
	}
	if d.SoundFormat != tag.SoundFormatAAC {
		return Audio{}, fmt.Errorf("%w: sound format %d; set the encoder to AAC", ErrCodec, d.SoundFormat)
	}
	if d.AACPacketType == tag.AACPacketTypeSequenceHeader {
		p, err := ParseAudioConfig(body[2:])
		return Audio{Params: p}, err
	}
	return Audio{Data: body[2:]}, nil
}

// ParseAudioConfig reads an AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1.
func ParseAudioConfig(b []byte) (*media.AudioParams, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("%w: aac configuration: %w", ErrMalformed, err)
	}
	channels := channelCount(c.ChannelConfig)
	if c.SampleRate <= 0 || channels == 0 {
		return nil, fmt.Errorf("%w: aac at %d Hz with channel configuration %d", ErrCodec, c.SampleRate, c.ChannelConfig)
	}
	// What the library encodes is what it understood, without padding.
	config, err := c.Marshal()
	if err != nil {
		return nil, fmt.Errorf("%w: aac configuration: %w", ErrMalformed, err)
	}
	return &media.AudioParams{Config: config, SampleRate: c.SampleRate, Channels: channels}, nil
}

// channelCount reads a channel configuration, ISO/IEC 14496-3 table 1.19; 0 is
// one that we do not play.
func channelCount(config uint8) int {
	switch {
	case config >= 1 && config <= 6:
		return int(config)
	case config == 7:
		return 8
	}
	return 0
}

// VideoHeader packs the sequence header.
func VideoHeader(p *media.VideoParams) ([]byte, error) {
	if len(p.SPS) < 4 || len(p.PPS) == 0 || len(p.SPS) > maxSPS || len(p.PPS) > maxSPS {
		return nil, fmt.Errorf("%w: sps of %d bytes, pps of %d", ErrMalformed, len(p.SPS), len(p.PPS))
	}
	config := []byte{1, p.SPS[1], p.SPS[2], p.SPS[3], 0xff, 0xe1, byte(len(p.SPS) >> 8), byte(len(p.SPS))}
	config = append(config, p.SPS...)
	config = append(config, 1, byte(len(p.PPS)>>8), byte(len(p.PPS)))
	config = append(config, p.PPS...)
	return videoTag(true, tag.AVCPacketTypeSequenceHeader, 0, config)
}

// VideoFrame packs an AVCC access unit; composition is PTS minus DTS,
// milliseconds.
func VideoFrame(data []byte, key bool, composition int32) ([]byte, error) {
	return videoTag(key, tag.AVCPacketTypeNALU, composition, data)
}

func videoTag(key bool, t tag.AVCPacketType, composition int32, data []byte) ([]byte, error) {
	frame := tag.FrameTypeInterFrame
	if key {
		frame = tag.FrameTypeKeyFrame
	}
	var buf bytes.Buffer
	buf.Grow(5 + len(data))
	err := tag.EncodeVideoData(&buf, &tag.VideoData{
		FrameType: frame, CodecID: tag.CodecIDAVC, AVCPacketType: t,
		CompositionTime: composition, Data: bytes.NewReader(data),
	})
	if err != nil {
		return nil, fmt.Errorf("encode video tag: %w", err)
	}
	return buf.Bytes(), nil
}

// AudioHeader packs the sequence header.
func AudioHeader(p *media.AudioParams) ([]byte, error) {
	return audioTag(tag.AACPacketTypeSequenceHeader, p.Config)
}

// AudioFrame packs one raw_data_block.
func AudioFrame(data []byte) ([]byte, error) { return audioTag(tag.AACPacketTypeRaw, data) }

// audioTag says 44 kHz, 16 bits, stereo whatever the sound is: §E.4.2.1 has AAC
// always marked so, the truth is in the sequence header.
func audioTag(t tag.AACPacketType, data []byte) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(2 + len(data))
	err := tag.EncodeAudioData(&buf, &tag.AudioData{
		SoundFormat: tag.SoundFormatAAC, SoundRate: tag.SoundRate44kHz, SoundSize: tag.SoundSize16Bit,
		SoundType: tag.SoundTypeStereo, AACPacketType: t, Data: io.Reader(bytes.NewReader(data)),
	})
	if err != nil {
		return nil, fmt.Errorf("encode audio tag: %w", err)
	}
	return buf.Bytes(), nil
}
