// Package interop plays into rooms and out of them with WebRTC stacks that are
// neither ours nor a browser's: GStreamer's webrtcbin and aiortc.
package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// patience is how long a test waits for a state that should come within a second or
// two.
const patience = 40 * time.Second

// lost is the share of RTP packets that the programs throw away: of what they send
// as encoders, of what they get as players.
const lost = 0.03

// python is Debian's own, which has the modules, whatever else PATH has.
const python = "/usr/bin/python3"

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// report is a line of a program: what has happened so far.
type report struct {
	State             string
	Dropped, Repaired int
	Frames, Samples   int   // decoded
	Colour            []int // of the picture: red, green, blue
	Answer, Error     string
	Deleted           int // status of DELETE
}

// peer is a program that is an encoder or a player.
type peer struct {
	t     *testing.T
	name  string
	stdin io.Closer
	done  chan struct{}

	mu   sync.Mutex
	last report
}

// start runs a program: SCRIPT publish|play URL TOKEN CODEC LOSS.
func start(t *testing.T, script, role, url, token, codec string) *peer {
	t.Helper()
	p := &peer{t: t, name: script + " " + role + " " + codec, done: make(chan struct{})}
	args := []string{script, role, url, token, codec, strconv.FormatFloat(lost, 'f', -1, 64)}
	if dir := os.Getenv("TEST_ARTIFACTS"); dir != "" {
		args = append(args, filepath.Join(dir, fmt.Sprintf("%s-%s-%s.offer", script, role, codec)))
	}
	cmd := exec.Command(python, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		_ = cmd.Wait()
	})
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			_ = json.Unmarshal(lines.Bytes(), &p.last)
			p.mu.Unlock()
		}
	}()
	return p
}

func (p *peer) now() report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// reports waits until a report is as it should be.
func (p *peer) reports(what string, ok func(report) bool) {
	p.t.Helper()
	testkit.Until(p.t, patience, p.name+": "+what, func() error {
		r := p.now()
		if r.Error != "" {
			p.t.Fatalf("%s: %s", p.name, r.Error)
		}
		if !ok(r) {
			r.Answer = ""
			return fmt.Errorf("it reports %+v", r)
		}
		return nil
	})
}

// end lets the program end its session.
func (p *peer) end() {
	p.t.Helper()
	_ = p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.name)
	}
	if d := p.now().Deleted; d != 200 {
		p.t.Fatalf("%s: DELETE answered %d", p.name, d)
	}
}

// TestStacks: a participant sees each stack's pictures, the other stack plays them,
// packets that got lost are sent again, and DELETE ends each session.
func TestStacks(t *testing.T) {
	if err := exec.Command(python, "-c", "import aiortc, gi").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("aiortc or GStreamer is missing: make test-deps installs them")
		}
		t.Skip("aiortc or GStreamer is missing: make test-deps installs them")
	}
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "stacks")
	ann := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &testkit.Camera{Colour: testkit.Red, Width: 320, Height: 180}})
	ann.Open(room.JoinURL(room.Token, "Ann"))
	ann.WaitFor(patience, testkit.Control("leave"))
	for _, c := range []struct{ encoder, player, codec string }{
		{"gstreamer.py", "aiortc_peer.py", "h264"},
		{"gstreamer.py", "aiortc_peer.py", "vp8"},
		{"aiortc_peer.py", "gstreamer.py", "h264"},
		{"aiortc_peer.py", "gstreamer.py", "vp8"},
	} {
		t.Run(c.encoder+" "+c.codec, func(t *testing.T) {
			encoder := start(t, c.encoder, "publish", fmt.Sprintf("%s/whip/%s/%s?name=Stage", server.URL, room.Sub, room.Name), room.Invite(t, false), c.codec)
			encoder.reports("is connected", func(r report) bool { return r.State == "connected" })
			moves(t, ann, testkit.TileOf("Stage", "camera"))
			player := start(t, c.player, "play", fmt.Sprintf("%s/whep/%s/%s/Stage", server.URL, room.Sub, room.Name), room.Invite(t, false), c.codec)
			player.reports("plays the picture and the sound", func(r report) bool {
				return r.State == "connected" && r.Frames > 40 && r.Samples > 48000 && isBlue(r.Colour)
			})
			for _, p := range []*peer{encoder, player} {
				p.reports("lost packets are sent again", func(r report) bool { return r.Dropped > 5 && r.Repaired > 3 })
				r := p.now()
				r.Answer = ""
				t.Logf("%s: %+v", p.name, r)
			}
			player.end()
			encoder.end()
			ann.Wait(patience, "the encoder is gone", fmt.Sprintf("!__testkit.one(%q)", testkit.TileOf("Stage", "camera")))
		})
	}
}

func isBlue(c []int) bool { return len(c) == 3 && c[2] > 120 && c[0] < 80 && c[1] < 80 }

// moves waits until a tile shows blue pictures, one after the other.
func moves(t *testing.T, b *testkit.Browser, tile string) {
	t.Helper()
	first := -1
	testkit.Until(t, patience, tile+" shows the encoder", func() error {
		frame, err := b.Look(tile)
		if err != nil {
			return err
		}
		if c := frame.CameraColour(frame.Bounds()); c != testkit.Blue {
			return fmt.Errorf("it is %s", c.Name)
		}
		var frames int
		if err := b.Eval(fmt.Sprintf("__testkit.one(%q).querySelector('video').getVideoPlaybackQuality().totalVideoFrames", tile), &frames); err != nil {
			return err
		}
		if first < 0 {
			first = frames
		}
		if frames < first+20 {
			return errors.New("it stands still")
		}
		return nil
	})
}
