package whip

import (
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// TestEncoders: the offers that encoders make are answered so that they connect.
func TestEncoders(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		setup string            // of the answer
		lines map[string]string // mid to the payload types that have to be in the answer
	}{
		"obs":               {"passive", map[string]string{"0": "111", "1": "96"}},
		"ffmpeg":            {"active", map[string]string{"0": "111", "1": "106"}},
		"ffmpeg-video-high": {"active", map[string]string{"1": "106"}},
		"gstreamer":         {"passive", map[string]string{"video0": "96", "audio1": "97"}},
		"gstreamer-h264":    {"passive", map[string]string{"video0": "96", "audio1": "97"}},
		"aiortc":            {"passive", map[string]string{"0": "96", "1": "97"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, offer := range []string{golden(t, name), strings.ReplaceAll(golden(t, name), "a=sendonly\r\n", "a=sendrecv\r\n"),
				strings.ReplaceAll(golden(t, name), "a=sendonly\r\n", "")} {
				r := w.call("POST", "/whip/acme/standup", offer, isSDP, asBob)
				if r.status != 201 || r.header.Get("Content-Type") != typeSDP || r.header.Get("ETag") == "" {
					t.Fatalf("answered %d %v %s", r.status, r.header, r.body)
				}
				checkAnswer(t, r.body, c.setup, c.lines)
				if r := w.call("DELETE", r.header.Get("Location"), ""); r.status != 200 {
					t.Errorf("delete: %d %s", r.status, r.body)
				}
			}
		})
	}
}

func checkAnswer(t *testing.T, text, setup string, lines map[string]string) {
	t.Helper()
	var answer sdp.SessionDescription
	if err := answer.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	if len(answer.MediaDescriptions) != len(lines) {
		t.Fatalf("the answer is\n%s", text)
	}
	if _, lite := answer.Attribute("ice-lite"); !lite {
		t.Error("we do not say that we are ICE-lite")
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd", "fingerprint", "candidate"} {
		if attribute(&answer, key) == "" {
			t.Errorf("no %s in\n%s", key, text)
		}
	}
	if got := attribute(&answer, "setup"); got != setup {
		t.Errorf("setup is %q, want %q", got, setup)
	}
	// Encoders with one candidate take the first: UDP on IPv4.
	if c := strings.Fields(attribute(&answer, "candidate")); len(c) < 8 || !strings.EqualFold(c[2], "udp") || strings.Contains(c[4], ":") {
		t.Errorf("the first candidate is %v", c)
	}
	for _, m := range answer.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		if _, ok := m.Attribute("recvonly"); !ok || m.MediaName.Port.Value == 0 {
			t.Errorf("mid %s is %v", mid, m.MediaName)
		}
		if m.MediaName.Formats[0] != lines[mid] {
			t.Errorf("mid %s takes %v, want %s", mid, m.MediaName.Formats, lines[mid])
		}
	}
}
