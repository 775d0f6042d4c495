package avproc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

const orphanEnv = "MEETCAST_TEST_PARENT"

// beParent is the helper process of TestNoOrphans: it starts children, names
// them and waits to be killed.
func beParent() {
	video := NewVideoEncoder(VideoConfig{FFmpeg: ffmpegPath(), Encoder: "libx264",
		Width: 64, Height: 64, FPS: 5, Bitrate: 100_000}, &collector{}, quiet)
	ch, err := Start(Command{Path: ffmpegPath(), Args: audioArgs(AudioConfig{Bitrate: 64000})})
	for err == nil && video.PID() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	// Threads of the runtime come and go; the children must not go with them.
	for range 20 {
		go runtime.LockOSThread()
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println("children", video.PID(), ch.PID())
	select {}
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z") // not yet reaped by init
}

func TestNoOrphans(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=XXX")
	cmd.Env = append(os.Environ(), orphanEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var a, b int
	if _, scan := fmt.Sscanf(line, "children %d %d", &a, &b); err != nil || scan != nil {
		t.Fatalf("helper said %q: %v %v", line, err, scan)
	}
	if !alive(a) || !alive(b) {
		t.Fatal("the children do not run")
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	unittest.Until(t, "the children die with the server", func() bool { return !alive(a) && !alive(b) })
}

func TestChildSaysWhyItEnded(t *testing.T) {
	ch, err := Start(Command{Path: ffmpegPath(), Args: []string{"-hide_banner", "-f", "nosuchformat", "-i", "pipe:0", "-f", "null", "-"}})
	if err != nil {
		t.Fatal(err)
	}
	<-ch.Done()
	ch.Close(context.Background())
	ch.Close(context.Background())
	if err := ch.Err(); err == nil || !strings.Contains(err.Error(), "nosuchformat") {
		t.Errorf("error %v", err)
	}
}

func TestCloseKillsTheStubborn(t *testing.T) {
	ch, err := Start(Command{Path: "sh", Args: []string{"-c", "trap '' TERM; while :; do sleep 0.05; done"}, Nice: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	ch.Close(ctx)
	if alive(ch.PID()) {
		t.Error("still alive")
	}
	if _, err := Start(Command{Path: "/nonexistent/ffmpeg"}); !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("missing program: %v", err)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	tl := newTail(2)
	fmt.Fprint(tl, "one\ntwo\r\n\nthr")
	fmt.Fprint(tl, "ee", strings.Repeat("x", 10000))
	if got := tl.String(); !strings.HasPrefix(got, "two; threex") || len(got) > 420 {
		t.Errorf("%d bytes: %.40q", len(got), got)
	}
}
