// Package forward carries packets from publishers to subscribers: it receives
// and caches the layers of a published track, fans them out, and rewrites them
// for each slot. It knows RTP, not WebRTC.
//
//	publisher ──> Lane ──┐  parse, cache, count losses
//	publisher ──> Lane ──┼─> Track ──> Down ──> subscriber
//	publisher ──> Lane ──┘        └──> Down ──> subscriber
//	                                   choose layer, rewrite, stamp
//
// Lock order: Lane.mu, Down.mu, Track.mu, Lane.stat. Detach waits for Lane.mu
// and so must not be called with one of the others held.
package forward

import (
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
)

// MTU bounds the payloads that are forwarded, bytes; longer ones are dropped.
const MTU = 1500

// Feedback sends RTCP to the publisher of a track. Its methods must not block.
type Feedback interface {
	// PictureLoss asks for a key frame (RFC 4585 §6.3.1).
	PictureLoss(ssrc uint32)
	// Nack asks for lost packets (RFC 4585 §6.2.1). The slice is valid during
	// the call.
	Nack(ssrc uint32, seqs []uint16)
	// RTT is the round-trip time to the publisher, 0 while unknown.
	RTT() time.Duration
}

// Writer sends RTP packets to a subscriber. It must not block nor keep its
// arguments. *transport.Conn is one.
type Writer interface {
	WriteRTP(header *rtp.Header, payload []byte) (int, error)
}

// Stamper gives transport-wide sequence numbers to packets that go out.
// *bwe.Estimator is one.
type Stamper interface {
	Stamp(now time.Time, size int) uint16
}

// Cache is what an UpTrack may offer besides: packets that were received lately,
// for retransmission.
type Cache interface {
	// Cached copies a packet of the source with an SSRC into p, its payload into
	// buf; false when it is gone.
	Cached(ssrc uint32, seq uint16, p *packet.Packet, buf []byte) bool
}

// newer tells whether sequence number a comes after b (RFC 1982).
func newer(a, b uint16) bool { return a != b && a-b < 1<<15 }
