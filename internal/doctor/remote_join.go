package doctor

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/signaling/wire"
)

// maxCandidates bounds what a server may make us try.
const maxCandidates = 32

// session is a short membership of a room.
type session struct {
	conn   *websocket.Conn
	relays []wire.ICEServer
	ice    credentials
	ways   []candidate
}

// credentials are those of a connectivity check (RFC 8445 §7.2.2).
type credentials struct{ ours, theirs, password string }

// candidate is an address that the server names for media.
type candidate struct {
	network string // "udp" or "tcp"
	address netip.AddrPort
}

// join enters the room of a token and offers, as a page would.
func join(conn *websocket.Conn, token string) (*session, error) {
	s := &session{conn: conn}
	_ = conn.SetReadDeadline(time.Now().Add(probeTime))
	_ = conn.SetWriteDeadline(time.Now().Add(probeTime))
	conn.SetReadLimit(1 << 20)
	err := conn.WriteJSON(wire.Join{Head: wire.Head{Type: wire.TypeJoin, ID: "join"}, Version: wire.Version, Token: token, Name: "Doctor"})
	if err != nil {
		return nil, err
	}
	var joined wire.Joined
	if err := s.await(wire.TypeJoined, &joined); err != nil {
		return nil, err
	}
	s.relays = joined.ICEServers
	ufrag, offer := makeOffer()
	if err := conn.WriteJSON(wire.Offer{Head: wire.Head{Type: wire.TypeOffer, ID: "offer"}, SDP: offer, Tracks: []wire.TrackLine{}}); err != nil {
		return nil, err
	}
	var answer wire.Answer
	if err := s.await(wire.TypeAnswer, &answer); err != nil {
		return nil, err
	}
	s.ice, s.ways = readAnswer(answer.SDP)
	s.ice.ours = ufrag
	return s, nil
}

// await reads up to a message of a type, or an error.
func (s *session) await(kind string, into any) error {
	for {
		_, data, err := s.conn.ReadMessage()
		var gone *websocket.CloseError
		if errors.As(err, &gone) && gone.Text != "" {
			return errors.New(gone.Text)
		}
		if err != nil {
			return err
		}
		var head wire.Head
		if err := json.Unmarshal(data, &head); err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		switch head.Type {
		case kind:
			return json.Unmarshal(data, into)
		case wire.TypeError:
			var refusal wire.Error
			if err := json.Unmarshal(data, &refusal); err != nil {
				return err
			}
			return errors.New(refusal.Message)
		}
	}
}

// close leaves the room.
func (s *session) close() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = s.conn.WriteJSON(wire.Head{Type: wire.TypeLeave})
	_ = s.conn.Close()
}

// makeOffer offers one audio slot. There will be no DTLS, so any fingerprint does.
func makeOffer() (ufrag, sdp string) {
	random := make([]byte, 32+16+4)
	_, _ = rand.Read(random) // never fails
	var print []string
	for _, b := range random[:32] {
		print = append(print, fmt.Sprintf("%02X", b))
	}
	ufrag = hex.EncodeToString(random[48:])
	lines := []string{
		"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=rtcp-mux",
		"a=ice-ufrag:" + ufrag, "a=ice-pwd:" + hex.EncodeToString(random[32:48]), "a=ice-options:trickle",
		"a=fingerprint:sha-256 " + strings.Join(print, ":"), "a=setup:actpass", "a=mid:0", "a=recvonly",
		"a=rtpmap:111 opus/48000/2", "",
	}
	return ufrag, strings.Join(lines, "\r\n")
}

var candidateLine = regexp.MustCompile(`(?mi)^a=candidate:\S+ \d+ (udp|tcp) \d+ (\S+) (\d+) typ host`)

// readAnswer reads where the server takes media, and what proves a check.
func readAnswer(sdp string) (credentials, []candidate) {
	var c credentials
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok && c.theirs == "" {
			c.theirs = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok && c.password == "" {
			c.password = v
		}
	}
	var list []candidate
	seen := make(map[candidate]bool)
	for _, m := range candidateLine.FindAllStringSubmatch(sdp, -1) {
		ip, err := netip.ParseAddr(m[2])
		port, errPort := strconv.ParseUint(m[3], 10, 16)
		if err != nil || errPort != nil || len(list) >= maxCandidates {
			continue
		}
		k := candidate{strings.ToLower(m[1]), netip.AddrPortFrom(ip.Unmap(), uint16(port))}
		if !seen[k] {
			seen[k] = true
			list = append(list, k)
		}
	}
	return c, list
}

// udpAddr is a candidate as net wants it.
func (c candidate) udpAddr() *net.UDPAddr { return net.UDPAddrFromAddrPort(c.address) }
