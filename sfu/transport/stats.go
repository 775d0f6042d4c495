package transport

import (
	"net/netip"
	"sync/atomic"
)

// Drop is why a packet was not taken, or not sent.
type Drop int

// The reasons.
const (
	// DropMalformed: it is no packet of a known kind.
	DropMalformed Drop = iota
	// DropStranger: no peer has proved its address.
	DropStranger
	// DropUser: a STUN request for a peer that is not here.
	DropUser
	// DropIntegrity: a STUN request with a wrong signature.
	DropIntegrity
	// DropTaken: a STUN request from an address that another live peer has proved.
	DropTaken
	// DropEarly: media before the keys, DTLS before there is a path.
	DropEarly
	// DropUnauthentic: it does not decrypt.
	DropUnauthentic
	// DropReplay: it came before, or is too old to tell.
	DropReplay
	// DropStreams: the peer uses too many SSRCs.
	DropStreams
	// DropInbox: the peer's queue of received packets is full.
	DropInbox
	// DropLate: it waited in that queue for too long.
	DropLate
	// DropQueue: the queue of packets to send is full.
	DropQueue
	// DropConnections: ICE-TCP connections beyond the limits, or without STUN.
	DropConnections
	// Drops is how many reasons there are.
	Drops
)

// String is the reason's name in metrics.
func (d Drop) String() string {
	names := [Drops]string{"malformed", "stranger", "user", "integrity", "taken", "early",
		"unauthentic", "replay", "streams", "inbox", "late", "queue", "connections"}
	if d >= 0 && d < Drops {
		return names[d]
	}
	return "unknown"
}

// Stats counts what a port has done, all of its peers together.
type Stats struct {
	Conns      int    // peers now
	Addresses  int    // addresses that they have proved
	TCP        int    // ICE-TCP connections now
	Requests   uint64 // STUN requests answered
	Handshakes uint64 // DTLS handshakes completed
	Refused    uint64 // DTLS handshakes that failed
	Drops      [Drops]uint64
}

// ConnStats counts what one peer has done. Bytes are of whole packets as they are on
// the wire, without UDP and IP.
type ConnStats struct {
	State                          State
	Network                        string         // of the nominated path: "udp", "tcp", "" for none
	Address                        netip.AddrPort // of the peer
	PacketsReceived, BytesReceived uint64
	PacketsSent, BytesSent         uint64 // RTP
	ControlReceived, ControlSent   uint64 // RTCP packets
	Nominations                    uint64 // changes of path, the first included
	Drops                          [Drops]uint64
}

// drops counts by reason.
type drops [Drops]atomic.Uint64

func (d *drops) load() (out [Drops]uint64) {
	for i := range d {
		out[i] = d[i].Load()
	}
	return out
}
