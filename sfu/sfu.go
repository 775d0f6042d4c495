// Package sfu connects members over WebRTC: an Engine owns the media port, a
// Peer is one participant's connection. The client always offers. What it
// sends becomes UpTracks, each of its recvonly m-lines a slot.
//
//	client                         Peer                          room
//	   │ offer (sendonly, recvonly)  │                             │
//	   ├────────────────────────────>│ Answer                      │
//	   │<────────────────────────────┤ answer with all candidates  │
//	   │ RTP ───────────────────────>│ Published ─────────────────>│
//	   │                             │<──────────────────── Bind ──┤
//	   │<─────────────────────── RTP │                             │
//
// SDP is read and written by sfu/jsep, packets travel through sfu/transport; what
// lies between them, which packet belongs to which track, is decided here.
package sfu

import (
	"errors"
	"log/slog"
	"net"

	"github.com/meetcast/meetcast/sfu/jsep"
	"github.com/meetcast/meetcast/sfu/track"
)

// Errors by audience: ErrBadOffer is the client's, others ours.
var (
	// ErrBadOffer wraps every refusal of an offer or a candidate; the message
	// says what is wrong with it.
	ErrBadOffer = errors.New("bad offer")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("closed")
)

// Limits of one peer.
const (
	MaxSDP        = jsep.MaxSDP        // bytes of an offer
	MaxLines      = jsep.MaxLines      // m-lines of an offer, those switched off included
	MaxTracks     = jsep.MaxTracks     // tracks published at a time, one of each source
	MaxCandidates = jsep.MaxCandidates // candidates of the client per ICE generation
)

// Config of an Engine.
type Config struct {
	// UDPPort carries all media, 0 picks one.
	UDPPort int
	// TCP offers ICE over TCP (RFC 6544) on the same number.
	TCP bool
	// BindIP is the address to listen on, empty for all, IPv4 and IPv6.
	BindIP string
	// AdvertisedIPs stand in candidates instead of the machine's own addresses:
	// those under which clients reach a machine behind NAT or in a container.
	AdvertisedIPs []string
	// Loopback adds the loopback addresses to the candidates.
	Loopback bool
	// StartBitrate is what a subscriber is believed to take before it has said
	// anything, bit/s; 0 means 1.5 Mbit/s.
	StartBitrate int
	// Logger is never used per packet; nil discards.
	Logger *slog.Logger
}

func (c *Config) check() error {
	if c.UDPPort < 0 || c.UDPPort > 65535 {
		return errors.New("media port out of range")
	}
	for _, ip := range c.AdvertisedIPs {
		if net.ParseIP(ip) == nil {
			return errors.New("advertised address " + ip + " is not an IP address")
		}
	}
	if c.BindIP != "" && net.ParseIP(c.BindIP) == nil {
		return errors.New("bind address " + c.BindIP + " is not an IP address")
	}
	if c.StartBitrate == 0 {
		c.StartBitrate = 1_500_000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// PeerConfig describes a participant's connection.
type PeerConfig struct {
	Member track.MemberID
	// AudioSlots and MaxVideoSlots bound the recvonly m-lines.
	AudioSlots, MaxVideoSlots int
	Logger                    *slog.Logger // nil takes the engine's
	Handler                   PeerHandler
}

// PeerHandler hears of a peer. It is called from the peer's goroutines and must
// neither block nor close the peer.
type PeerHandler interface {
	// Published tells of a track whose first packet has arrived.
	Published(track.UpTrack)
	// Unpublished tells that a published track has ended.
	Unpublished(track.TrackID)
	// LayersWanted tells which layers of a published video track anybody watches,
	// by RID in SDP order (the empty RID where there is only one layer); none when
	// nobody watches. The client need not send the others. At first all are wanted.
	LayersWanted(id track.TrackID, rids []string)
	StateChanged(PeerState)
}

// PeerState is how well a peer is connected.
type PeerState uint8

// The states. A disconnected peer may come back by itself or by an ICE restart;
// a failed one only by an ICE restart.
const (
	Connecting PeerState = iota + 1
	Connected
	Disconnected
	Failed
	Closed
)

// String names the state.
func (s PeerState) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Disconnected:
		return "disconnected"
	case Failed:
		return "failed"
	case Closed:
		return "closed"
	}
	return "new"
}
