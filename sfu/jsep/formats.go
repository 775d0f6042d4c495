package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const opusSettings = "minptime=10;useinbandfec=1;usedtx=1"

// offered is one payload type of an offer.
type offered struct {
	pt       uint8
	name     string // name/rate[/channels]
	settings string
	feedback Feedback
}

// readFormats chooses from the payload types of an m-line one for each codec that
// we know, the best where several fit.
func (l *Line) readFormats(m *sdp.MediaDescription) {
	all := readOffered(m)
	for _, o := range all {
		codec, rank, ok := l.judge(o)
		if !ok {
			continue
		}
		f := Format{Codec: codec, Type: o.pt, Feedback: o.feedback & wanted(l.Kind), name: o.name, rank: rank,
			settings: settings(codec, o.settings)}
		i := slices.IndexFunc(l.Formats, func(f Format) bool { return f.Codec == codec })
		switch {
		case i < 0:
			l.Formats = append(l.Formats, f)
		case rank < l.Formats[i].rank:
			l.Formats = append(slices.Delete(l.Formats, i, i+1), f)
		}
	}
	l.addRED(all)
	l.addRTX(all)
}

// readOffered reads rtpmap, fmtp and rtcp-fb of each payload type.
func readOffered(m *sdp.MediaDescription) []offered {
	all := make([]offered, 0, len(m.MediaName.Formats))
	var at [128]int // by payload type, 0 for none, else one more than the index
	for _, number := range m.MediaName.Formats {
		if pt, err := strconv.ParseUint(number, 10, 7); err == nil && at[pt] == 0 {
			all = append(all, offered{pt: uint8(pt)})
			at[pt] = len(all)
		}
	}
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" && a.Key != "fmtp" && a.Key != "rtcp-fb" {
			continue
		}
		number, value, _ := strings.Cut(a.Value, " ")
		value = strings.TrimSpace(value)
		if number == "*" && a.Key == "rtcp-fb" {
			for i := range all {
				all[i].feedback |= feedbacks[value]
			}
			continue
		}
		pt, err := strconv.ParseUint(number, 10, 7)
		if err != nil || at[pt] == 0 {
			continue
		}
		switch o := &all[at[pt]-1]; a.Key {
		case "rtpmap":
			o.name = value
		case "fmtp":
			o.settings = value
		case "rtcp-fb":
			o.feedback |= feedbacks[value]
		}
	}
	return all
}

var feedbacks = map[string]Feedback{"nack": NACK, "nack pli": PLI, "ccm fir": FIR, "transport-cc": TransportCC}

// wanted is what we make use of.
func wanted(kind track.Kind) Feedback {
	if kind == track.Audio {
		return TransportCC
	}
	return NACK | PLI | FIR | TransportCC
}

// judge tells whether a payload type is a codec that we know, in a form that we
// know; the lower the rank the better.
func (l *Line) judge(o offered) (codec packet.Codec, rank int, ok bool) {
	if l.Kind == track.Audio {
		return packet.Opus, 0, strings.EqualFold(o.name, "opus/48000/2")
	}
	switch strings.ToUpper(o.name) {
	case "VP8/90000":
		return packet.VP8, 0, true
	case "VP9/90000":
		return packet.VP9, 0, setting(o.settings, "profile-id", "0") == "0"
	case "AV1/90000":
		return packet.AV1, 0, setting(o.settings, "profile", "0") == "0"
	case "H264/90000":
		rank, ok = l.judgeH264(o.settings)
		return packet.H264, rank, ok
	}
	return 0, 0, false
}

// judgeH264 prefers constrained baseline (RFC 6184 §8.1, table 5), which every
// decoder knows, and takes baseline, which in practice is the same. Encoders that
// are no browsers may name the profile that they were told to use. Fragments
// (packetization-mode 1) are what everybody sends. Strictly, no
// settings mean neither; but clients that give none, as players of GStreamer, play
// what comes.
func (l *Line) judgeH264(settings string) (rank int, ok bool) {
	if settings == "" {
		return 4, true
	}
	profile, err := strconv.ParseUint(setting(settings, "profile-level-id", ""), 16, 24)
	if err != nil || setting(settings, "packetization-mode", "0") != "1" {
		return 0, false
	}
	idc, iop := profile>>16, profile>>8&0xff
	switch {
	case idc == 0x42 && iop&0x40 != 0:
		return 0, true
	case idc == 0x42:
		return 1, true
	case idc == 0x4d && l.Use == Publish:
		return 2, true
	case idc == 0x64 && l.Use == Publish:
		return 3, true
	}
	return 0, false
}

// settings returns the fmtp value of the answer.
func settings(codec packet.Codec, offered string) string {
	switch codec {
	case packet.H264:
		return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + setting(offered, "profile-level-id", "42e01f")
	case packet.Opus:
		if setting(offered, "stereo", "0") == "1" {
			return opusSettings + ";stereo=1"
		}
		return opusSettings
	case packet.VP9, packet.AV1:
		return offered
	}
	return ""
}

// setting returns a parameter of an fmtp value.
func setting(settings, key, otherwise string) string {
	for s := range strings.SplitSeq(settings, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(s), "=")
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return otherwise
}

// addRED finds the payload type for Opus with redundancy (RFC 2198 §5). It comes
// first where the client sends: browsers send what the answer lists first.
func (l *Line) addRED(all []offered) {
	if len(l.Formats) == 0 || l.Kind != track.Audio {
		return
	}
	opus := strconv.Itoa(int(l.Formats[0].Type))
	for _, o := range all {
		if !strings.EqualFold(o.name, "red/48000/2") {
			continue
		}
		for of := range strings.SplitSeq(o.settings, "/") {
			if of != opus {
				o.pt = 0
			}
		}
		if o.pt == 0 || o.settings == "" {
			continue
		}
		red := Format{Codec: packet.RED, Type: o.pt, Feedback: o.feedback & wanted(l.Kind), name: o.name, settings: o.settings}
		if l.Use == Publish {
			l.Formats = slices.Insert(l.Formats, 0, red)
		} else {
			l.Formats = append(l.Formats, red)
		}
		return
	}
}

// addRTX finds the retransmissions of the chosen formats (RFC 4588 §8.1).
func (l *Line) addRTX(all []offered) {
	for _, o := range all {
		if !strings.EqualFold(o.name, "rtx/90000") {
			continue
		}
		apt := setting(o.settings, "apt", "")
		for i := range l.Formats {
			if l.Formats[i].RTX == 0 && strconv.Itoa(int(l.Formats[i].Type)) == apt && o.pt != 0 {
				l.Formats[i].RTX = o.pt
			}
		}
	}
}
