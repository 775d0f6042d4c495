// Package bottest is a server that speaks Meetcast's protocol just well enough
// to test its clients against: one room without permissions, in which whatever a
// publisher sends comes out of everybody's first slot of that kind. Only tests
// import it.
package bottest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/signaling/wire"
)

const uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

// The token and the API key the server knows, and a token it refuses.
const (
	Token    = "good"
	BadToken = "bad"
	APIKey   = "key"
)

// Server is the fake server.
type Server struct {
	URL string // http://127.0.0.1:port

	t    *testing.T
	http *httptest.Server
	loss float64
	outs map[webrtc.RTPCodecType]*webrtc.TrackLocalStaticRTP

	mu      sync.Mutex
	members map[string]*fakeMember
	seen    Seen
}

// Seen is what the server got.
type Seen struct {
	Layers map[string]int // packets, by rid
	Levels map[byte]bool  // audio levels
	Tracks []wire.TrackLine
	Pings  int
	Joins  int
}

type fakeMember struct {
	id   string
	conn *websocket.Conn
	pc   *webrtc.PeerConnection
}

// New starts a server that loses a share of the packets it sends, the first time
// it sends them. It ends with the test.
func New(t *testing.T, loss float64) *Server {
	s := &Server{
		t: t, loss: loss, members: map[string]*fakeMember{}, outs: map[webrtc.RTPCodecType]*webrtc.TrackLocalStaticRTP{},
		seen: Seen{Layers: map[string]int{}, Levels: map[byte]bool{}},
	}
	for kind, mime := range map[webrtc.RTPCodecType]string{webrtc.RTPCodecTypeAudio: webrtc.MimeTypeOpus, webrtc.RTPCodecTypeVideo: webrtc.MimeTypeVP8} {
		out, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, kind.String(), "slot")
		if err != nil {
			t.Fatal(err)
		}
		s.outs[kind] = out
	}
	mux := http.NewServeMux()
	mux.HandleFunc(wire.Path, s.serve)
	mux.HandleFunc("POST /nanomeet", s.room)
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL
	t.Cleanup(s.close)
	return s
}

func (s *Server) close() {
	s.mu.Lock()
	members := s.members
	s.members = map[string]*fakeMember{}
	s.mu.Unlock()
	for _, m := range members {
		m.conn.Close()
		if m.pc != nil {
			m.pc.GracefulClose()
		}
	}
	s.http.Close()
}

// Seen returns a copy of what the server got so far.
func (s *Server) Seen() Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.seen
	c.Layers, c.Levels, c.Tracks = maps.Clone(c.Layers), maps.Clone(c.Levels), slices.Clone(c.Tracks)
	return c
}

// room makes a token for whoever has the API key.
func (s *Server) room(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("x-bintu-apikey") != APIKey {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"unknown key","message":"Pass a known API key."}`)
		return
	}
	fmt.Fprintf(w, `{"data":%q}`, Token)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	m := &fakeMember{conn: conn}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var head wire.Head
		json.Unmarshal(raw, &head)
		s.mu.Lock()
		m = s.handle(m, head, raw)
		s.mu.Unlock()
		if m == nil {
			return
		}
	}
}

// handle answers one message; nil ends the socket.
func (s *Server) handle(m *fakeMember, head wire.Head, raw []byte) *fakeMember {
	switch head.Type {
	case wire.TypeJoin:
		return s.join(m, head, raw)
	case wire.TypeOffer:
		var offer wire.Offer
		json.Unmarshal(raw, &offer)
		s.seen.Tracks = append(s.seen.Tracks, offer.Tracks...)
		sdp, slots := s.answer(m, offer.SDP)
		m.conn.WriteJSON(wire.Answer{Head: wire.Head{Type: wire.TypeAnswer, ID: head.ID}, SDP: sdp})
		m.conn.WriteJSON(wire.Slots{Head: wire.Head{Type: wire.TypeSlots}, Slots: slots})
	case wire.TypePing:
		s.seen.Pings++
	case wire.TypeKick:
		m.conn.WriteJSON(wire.Error{Head: wire.Head{Type: wire.TypeError, ID: head.ID}, Code: wire.CodeForbidden, Message: "Only moderators may."})
	case wire.TypeChat:
		m.conn.WriteJSON(wire.OK{Head: wire.Head{Type: wire.TypeOK, ID: head.ID}})
		var c wire.Chat
		json.Unmarshal(raw, &c)
		c.Head = wire.Head{Type: wire.TypeChat}
		c.From = m.id
		m.conn.WriteJSON(c)
	case wire.TypeLeave:
		return nil
	}
	return m
}

func (s *Server) join(m *fakeMember, head wire.Head, raw []byte) *fakeMember {
	var join wire.Join
	json.Unmarshal(raw, &join)
	if join.Token == BadToken {
		m.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseUnauthorized, "token refused"))
		return nil
	}
	s.seen.Joins++
	old, resumed := s.members[join.Resume]
	if resumed {
		old.conn = m.conn
		m = old
	} else {
		m.id = fmt.Sprintf("m%d", len(s.members)+1)
		s.members[m.id] = m
	}
	m.conn.WriteJSON(wire.Joined{
		Head: wire.Head{Type: wire.TypeJoined, ID: head.ID}, Version: wire.Version, Self: m.id, Resume: m.id, Resumed: resumed,
		Participants: []wire.Participant{{ID: m.id, Name: join.Name}}, AudioSlots: 1, MaxVideoSlots: 2,
	})
	return m
}

func (s *Server) answer(m *fakeMember, offer string) (string, []wire.Slot) {
	if m.pc == nil {
		m.pc = s.newPeer()
	}
	check := func(err error) {
		if err != nil {
			s.t.Error(err)
		}
	}
	check(m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
	if len(m.pc.GetSenders()) == 0 || m.pc.ConnectionState() == webrtc.PeerConnectionStateNew {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			for _, t := range m.pc.GetTransceivers() {
				if t.Kind() == kind && t.Direction() == webrtc.RTPTransceiverDirectionSendonly {
					sender, err := m.pc.AddTrack(s.outs[kind])
					check(err)
					go drain(sender)
					break
				}
			}
		}
	}
	answer, err := m.pc.CreateAnswer(nil)
	check(err)
	gathered := webrtc.GatheringCompletePromise(m.pc)
	check(m.pc.SetLocalDescription(answer))
	<-gathered
	var slots []wire.Slot
	for _, t := range m.pc.GetTransceivers() {
		if t.Sender() != nil && t.Sender().Track() != nil {
			slots = append(slots, wire.Slot{Mid: t.Mid(), Kind: t.Kind().String(), Participant: "m1", Source: "camera"})
		}
	}
	return m.pc.LocalDescription().SDP, slots
}

func (s *Server) newPeer() *webrtc.PeerConnection {
	var media webrtc.MediaEngine
	var registry interceptor.Registry
	if err := media.RegisterDefaultCodecs(); err != nil {
		s.t.Error(err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uriAudioLevel}, kind); err != nil {
			s.t.Error(err)
		}
	}
	registry.Add(lossy{s})
	if err := webrtc.RegisterDefaultInterceptors(&media, &registry); err != nil {
		s.t.Error(err)
	}
	var settings webrtc.SettingEngine
	settings.SetLite(true)
	settings.SetIncludeLoopbackCandidate(true)
	settings.DisableActiveTCP(true)
	settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		s.t.Error(err)
	}
	pc.OnTrack(func(remote *webrtc.TrackRemote, r *webrtc.RTPReceiver) { s.forward(pc, remote, r) })
	return pc
}

func (s *Server) forward(pc *webrtc.PeerConnection, remote *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
	level := uint8(0)
	for _, e := range r.GetParameters().HeaderExtensions {
		if e.URI == uriAudioLevel {
			level = uint8(e.ID)
		}
	}
	for {
		p, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.seen.Layers[remote.RID()]++
		if b := p.GetExtension(level); level != 0 && len(b) > 0 {
			s.seen.Levels[b[0]&0x7f] = true
		}
		s.mu.Unlock()
		if remote.RID() != "" && remote.RID() != "f" {
			continue
		}
		p.Extension, p.Extensions = false, nil
		s.outs[remote.Kind()].WriteRTP(p)
	}
}

// drain lets the interceptors see the RTCP of a sender.
func drain(sender *webrtc.RTPSender) {
	for {
		if _, _, err := sender.ReadRTCP(); err != nil {
			return
		}
	}
}

// lossy drops outgoing packets the first time they are sent. It is the innermost
// interceptor, so that the one that answers NACKs has seen what is dropped.
type lossy struct{ s *Server }

func (l lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return &dropper{s: l.s}, nil }

type dropper struct {
	interceptor.NoOp
	s *Server
}

func (d *dropper) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	seen := map[uint16]bool{}
	var mu sync.Mutex
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		mu.Lock()
		fresh := !seen[h.SequenceNumber] && h.SSRC == info.SSRC
		seen[h.SequenceNumber] = true
		mu.Unlock()
		if fresh && rand.Float64() < d.s.loss {
			return len(payload), nil
		}
		return next.Write(h, payload, a)
	})
}
