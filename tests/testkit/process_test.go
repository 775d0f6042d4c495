package testkit

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestProcessLeavesChildren(t *testing.T) {
	p := newProcess(t, "sh")
	t.Cleanup(p.killDescendants)
	if err := p.start(os.Environ(), "/bin/sh", "-c", "echo hello; sleep 60 & setsid sleep 61 & wait"); err != nil {
		t.Fatal(err)
	}
	Until(t, 5*time.Second, "two children", func() error {
		if n := len(p.descendants()); n != 2 {
			return os.ErrNotExist
		}
		return nil
	})
	p.kill()
	if err := p.noDescendants(10 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "sleep 6") {
		t.Errorf("children that were left behind: %v", err)
	}
	p.killDescendants()
	if err := p.noDescendants(5 * time.Second); err != nil {
		t.Error(err)
	}
	if p.output() != "hello\n" {
		t.Errorf("output %q", p.output())
	}
}

func TestNginxTakesAndPlays(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffprobe")
	n := StartNginx(t)
	dir := t.TempDir()
	film := write(t, filepath.Join(dir, "c.y4m"), Camera{Colour: Green, Duration: 8 * time.Second})
	sound := write(t, filepath.Join(dir, "c.wav"), Microphone{Frequency: 440})
	for round := range 2 {
		ctx, cancel := context.WithCancel(testContext(t))
		pushed := make(chan struct{})
		go func() {
			defer close(pushed)
			run(ctx, "ffmpeg", "-v", "error", "-re", "-i", film, "-re", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast",
				"-tune", "zerolatency", "-g", "15", "-c:a", "aac", "-ar", "48000", "-f", "flv", n.URL("live", "abc"))
		}()
		Until(t, 10*time.Second, "stream is on air", func() error {
			stat, err := n.Stat(ctx)
			if err == nil && !strings.Contains(stat, "<codec>H264</codec>") {
				err = os.ErrNotExist
			}
			return err
		})
		out := filepath.Join(dir, "out.flv")
		if err := Record(ctx, n.URL("live", "abc"), out, time.Second); err != nil {
			t.Fatal(err)
		}
		d, err := Decode(ctx, out, 160, 90)
		if err != nil {
			t.Fatal(err)
		}
		if c := d.Frames[len(d.Frames)/2].CameraColour(Rect{0, 0, 160, 90}); c != Green {
			t.Errorf("round %d: colour %s", round, c.Name)
		}
		if level := Tone(d.PCM, 440); level < 0.2 {
			t.Errorf("round %d: tone at %.2f", round, level)
		}
		cancel()
		<-pushed
		n.Stop()
		n.Start(t)
	}
}

func TestClaims(t *testing.T) {
	claims, err := Claims("e30.eyJzdWIiOiJhY21lIn0.x")
	if err != nil || claims["sub"] != "acme" {
		t.Errorf("%v, %v", claims, err)
	}
	for _, bad := range []string{"", "a.b", "a.!!.c", "a.eA.c"} {
		if _, err := Claims(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
