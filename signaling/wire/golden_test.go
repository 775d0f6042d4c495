package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/*.json anew")

func ptr[T any](v T) *T { return &v }

func head(typ, id string) Head { return Head{Type: typ, ID: id} }

// Participants that several examples share.
var (
	ada = Participant{
		ID: "m-7f3a", Name: "Ada Lovelace", Moderator: true, Hand: 1764000000123,
		Sources: map[string]string{"camera": "on", "microphone": "muted", "screen": "on"}, Away: true,
	}
	bob = Participant{ID: "m-91c0", Name: "Bob <b>", Sources: map[string]string{}}
)

var running = Broadcast{
	Head: head(TypeBroadcast, ""), Status: BroadcastReconnecting,
	Reason: "The ingest closed the connection.", Since: 1764000000456, Record: true, Layout: "speaker",
	Live:       "https://meet.example/nanoplayer/release/nanoplayer.html?bintu.streamname=AbC12-dEf34",
	VOD:        "https://meet.example/vod/AbC12-dEf34.mp4",
	NanoStream: "rtmp://meet.example:1935/live/AbC12-dEf34",
	Destinations: []Destination{
		{URL: "rtmp://meet.example:1935/live", Status: BroadcastLive},
		{URL: "rtmps://ingest.example/app", Status: BroadcastReconnecting, Reason: "The connection timed out."},
	},
}

// golden is one example of every message, by file name: type.sender.json.
// Every field is set at least once.
var golden = map[string]any{
	"join.client":  &Join{Head: head(TypeJoin, "1"), Version: Version, Token: "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", Room: "acme/standup", Name: "Ada Lovelace", Resume: "c2VjcmV0"},
	"offer.client": &Offer{Head: head(TypeOffer, "2"), SDP: "v=0\r\n", Tracks: []TrackLine{{Mid: "0", Source: "microphone"}, {Mid: "1", Source: "camera"}}},
	"candidate.client": &Candidate{Head: head(TypeCandidate, ""), Candidate: "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
		SDPMid: ptr("0"), SDPMLineIndex: ptr(uint16(0)), UsernameFragment: ptr("wXyZ")},
	"view.client": &View{Head: head(TypeView, ""), Want: []Want{
		{Participant: "m-7f3a", Source: "screen", Width: 1280, Height: 720},
		{Participant: "m-7f3a", Source: "camera", Width: 320, Height: 180},
	}, Fill: true},
	"mute.client":             &Mute{Head: head(TypeMute, ""), Source: "microphone", Muted: true},
	"chat.client":             &Chat{Head: head(TypeChat, "3"), Text: "Hello, everyone"},
	"hand.client":             &Hand{Head: head(TypeHand, ""), Raised: true},
	"rename.client":           &Rename{Head: head(TypeRename, "4"), Name: "Ada"},
	"kick.client":             &Kick{Head: head(TypeKick, "5"), Participant: "m-91c0"},
	"mute-participant.client": &MuteParticipant{Head: head(TypeMuteParticipant, "6"), Participant: "m-91c0", Source: "microphone"},
	"mute-everyone.client":    &Bare{Head: head(TypeMuteEveryone, "7")},
	"broadcast-start.client":  &BroadcastStart{Head: head(TypeBroadcastStart, "8"), Record: true, Layout: "grid", Destination: "rtmp://ingest.example/rec/KEY"},
	"broadcast-stop.client":   &Bare{Head: head(TypeBroadcastStop, "9")},
	"broadcast-layout.client": &BroadcastLayout{Head: head(TypeBroadcastLayout, "10"), Layout: "speaker"},
	"leave.client":            &Bare{Head: head(TypeLeave, "")},
	"ping.client":             &Ping{Head: head(TypePing, ""), T: 1234.5},

	"joined.server": &Joined{
		Head: head(TypeJoined, "1"), Version: Version, Self: "m-7f3a", Resume: "c2VjcmV0", Resumed: true,
		Room: Room{Name: "acme/standup", Subject: "Standup", StreamName: "AbC12-dEf34"}, Moderator: true,
		Participants: []Participant{ada, bob},
		Chat:         []Chat{{Head: head(TypeChat, ""), Text: "Hi", From: "m-91c0", Name: "Bob", At: 1764000000000}},
		Broadcast:    running,
		ICEServers:   []ICEServer{{URLs: []string{"turn:meet.example:3478?transport=udp"}, Username: "u", Credential: "c"}},
		AudioSlots:   3, MaxVideoSlots: 25, VideoCodec: "vp9",
	},
	"answer.server": &Answer{Head: head(TypeAnswer, "2"), SDP: "v=0\r\n"},
	"candidate.server": &Candidate{Head: head(TypeCandidate, ""), Candidate: "",
		SDPMid: ptr("0"), SDPMLineIndex: ptr(uint16(0)), UsernameFragment: ptr("aBcD")},
	"slots.server": &Slots{Head: head(TypeSlots, ""), Slots: []Slot{
		{Mid: "2", Kind: "audio", Participant: "m-91c0", Source: "microphone", Codec: "opus"},
		{Mid: "3", Kind: "audio"},
		{Mid: "4", Kind: "video", Participant: "m-91c0", Source: "screen", Codec: "vp9"},
	}},
	"participants.server": &Participants{Head: head(TypeParticipants, ""), Joined: []Participant{bob}, Updated: []Participant{ada},
		Left: []Left{{ID: "m-1", Reason: "left"}, {ID: "m-2", Reason: "kicked"}, {ID: "m-3", Reason: "lost"}}},
	"speakers.server":     &Speakers{Head: head(TypeSpeakers, ""), Speakers: []string{"m-91c0", "m-7f3a"}},
	"chat.server":         &Chat{Head: head(TypeChat, ""), Text: "Hello, everyone", From: "m-7f3a", Name: "Ada Lovelace", At: 1764000000789},
	"broadcast.server":    &running,
	"mute-request.server": &MuteRequest{Head: head(TypeMuteRequest, ""), Source: "microphone", By: "m-7f3a"},
	"layers.server":       &Layers{Head: head(TypeLayers, ""), Source: "camera", Active: []string{"q", "h"}},
	"kicked.server":       &Kicked{Head: head(TypeKicked, ""), By: "m-7f3a"},
	"ok.server":           &OK{Head: head(TypeOK, "8"), Broadcast: &Broadcast{Head: head(TypeBroadcast, ""), Status: BroadcastLive}},
	"error.server":        &Error{Head: head(TypeError, "5"), Code: CodeForbidden, Message: "Only moderators may remove somebody."},
	"pong.server":         &Pong{Head: head(TypePong, ""), T: 1234.5, At: 1764000000999},
}

func encodeGolden(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func goldenPath(name string) string { return filepath.Join("testdata", name+".json") }

// TestGolden holds the files to the Go types in both directions: what a file
// says decodes without an unknown field, is the example, and encodes to the
// same bytes. The TypeScript tests read the same files.
func TestGolden(t *testing.T) {
	for name, want := range golden {
		t.Run(name, func(t *testing.T) {
			if *update {
				if err := os.WriteFile(goldenPath(name), encodeGolden(t, want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(goldenPath(name))
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
			dec := json.NewDecoder(bytes.NewReader(data))
			dec.DisallowUnknownFields()
			if err := dec.Decode(got); err != nil {
				t.Fatalf("decode strictly: %v", err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("decoded %+v\nwant %+v", got, want)
			}
			if again := encodeGolden(t, got); !bytes.Equal(again, data) {
				t.Errorf("encoded again:\n%s\nfile:\n%s", again, data)
			}
			if typ, _, _ := strings.Cut(name, "."); !strings.Contains(string(data), `"type": "`+typ+`"`) {
				t.Errorf("file is not of type %q", typ)
			}
		})
	}
}

// TestGoldenComplete fails when a message type has no example, or a file no type.
func TestGoldenComplete(t *testing.T) {
	have := map[string]bool{}
	files, err := filepath.Glob(goldenPath("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if _, ok := golden[name]; !ok {
			t.Errorf("%s has no type in the table", f)
		}
		typ, _, _ := strings.Cut(name, ".")
		have[typ] = true
	}
	for _, typ := range typeConstants(t) {
		if !have[typ] {
			t.Errorf("message type %q has no golden file", typ)
		}
	}
}

// typeConstants reads the values of the Type… constants from wire.go.
func typeConstants(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "wire.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Type") {
			return true
		}
		s, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
		return true
	})
	if len(out) < 27 {
		t.Fatalf("found only %d types", len(out))
	}
	return out
}
