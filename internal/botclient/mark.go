package botclient

import (
	"bytes"
	"hash/fnv"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// A mark is a trailer on a video frame that says who sent it and when, so that a
// bot that decodes nothing can still tell whose picture it got and how late.
// Decoders pass over it: to VP8 it is what follows the last partition, in H.264
// it is an SEI of user data (ITU-T H.264 D.1.7).
//
//	id (16) | time, Unix ns (10) | sender (5)
//
// Numbers have seven bits a byte and the eighth set: no start code arises.
const (
	markID     = "meetcast-mark-v1"
	markTime   = 10
	markSender = 5
	markSize   = len(markID) + markTime + markSender
)

// mark is what a trailer says.
type mark struct {
	sent   time.Time
	sender uint32
}

// senderHash is a participant's id as marks carry it.
func senderHash(participant string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(participant))
	return h.Sum32()
}

// appendMark appends a marked copy of the frame.
func appendMark(b, frame []byte, codec packet.Codec, m mark) []byte {
	b = append(b, frame...)
	if codec == packet.H264 {
		b = append(b, 0, 0, 0, 1, 0x06, 0x05, byte(markSize))
	}
	b = append(b, markID...)
	b = appendSevens(b, uint64(m.sent.UnixNano()), markTime)
	b = appendSevens(b, uint64(m.sender), markSender)
	if codec == packet.H264 {
		b = append(b, 0x80) // rbsp_trailing_bits
	}
	return b
}

func appendSevens(b []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(7*i))|0x80)
	}
	return b
}

func sevens(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<7 | uint64(c&0x7f)
	}
	return v
}

// findMark reads the mark at the end of a frame's last packet.
func findMark(payload []byte) (mark, bool) {
	for _, after := range []int{0, 1} { // H.264 ends with a byte of its own
		at := len(payload) - markSize - after
		if at < 0 || !bytes.Equal(payload[at:at+len(markID)], []byte(markID)) {
			continue
		}
		at += len(markID)
		sent := int64(sevens(payload[at : at+markTime]))
		return mark{sent: time.Unix(0, sent), sender: uint32(sevens(payload[at+markTime : at+markTime+markSender]))}, true
	}
	return mark{}, false
}
