package avproc

import (
	"bytes"
	"encoding/binary"
)

// The H.264 NAL unit types that matter here (ITU-T H.264 table 7-1).
const (
	nalIDR    = 5
	nalSEI    = 6
	nalSPS    = 7
	nalPPS    = 8
	nalAUD    = 9
	nalFiller = 12
)

// eachNAL calls f with each NAL unit of an Annex B byte stream.
func eachNAL(b []byte, f func(nal []byte)) {
	start := nextStart(b)
	for start >= 0 {
		b = b[start+3:]
		start = nextStart(b)
		nal := b
		if start >= 0 {
			nal = b[:start]
		}
		// A zero byte before a start code belongs to the start code.
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			f(nal)
		}
	}
}

// nextStart returns the index of the next 00 00 01, or -1.
func nextStart(b []byte) int { return bytes.Index(b, []byte{0, 0, 1}) }

// ParameterSets returns the first SPS and PPS in Annex B data, nil when absent.
func ParameterSets(b []byte) (sps, pps []byte) {
	eachNAL(b, func(nal []byte) {
		switch {
		case nal[0]&0x1f == nalSPS && sps == nil:
			sps = bytes.Clone(nal)
		case nal[0]&0x1f == nalPPS && pps == nil:
			pps = bytes.Clone(nal)
		}
	})
	return sps, pps
}

// toAVCC turns an access unit from Annex B into length-prefixed NAL units
// without parameter sets, delimiters, filler and supplemental information.
func toAVCC(b []byte) []byte {
	out := make([]byte, 0, len(b)+16)
	eachNAL(b, func(nal []byte) {
		switch nal[0] & 0x1f {
		case nalSPS, nalPPS, nalAUD, nalSEI, nalFiller:
			return
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(nal)))
		out = append(out, nal...)
	})
	return out
}

// hasIDR tells whether Annex B data holds an IDR slice.
func hasIDR(b []byte) (found bool) {
	eachNAL(b, func(nal []byte) { found = found || nal[0]&0x1f == nalIDR })
	return found
}
