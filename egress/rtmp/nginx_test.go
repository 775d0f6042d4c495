package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/internal/unittest"
)

// nginxModule is where Debian puts libnginx-mod-rtmp.
const nginxModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// nginx runs nginx-rtmp in the foreground, recording what is pushed.
type nginx struct {
	dir, addr, hook string
	cmd             *exec.Cmd
}

func newNginx(t *testing.T, hook string) *nginx {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Fatal("nginx is missing: apt-get install nginx libnginx-mod-rtmp")
	}
	if _, err := os.Stat(nginxModule); err != nil {
		t.Fatal("the rtmp module of nginx is missing: apt-get install libnginx-mod-rtmp")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nginx{dir: t.TempDir(), addr: ln.Addr().String(), hook: hook}
	_ = ln.Close()
	// Workers that are not root must be able to write there.
	for d := n.dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o777)
	}
	t.Cleanup(n.stop)
	return n
}

func (n *nginx) start(t *testing.T) {
	t.Helper()
	on := ""
	if n.hook != "" {
		on = "on_publish " + n.hook + ";"
	}
	conf := fmt.Sprintf(`load_module %s;
daemon off; master_process off; worker_processes 1;
pid %s/nginx.pid; error_log %s/error.log info;
events { worker_connections 64; }
rtmp { server { listen %s; chunk_size 4096; ack_window 100000;
  application live { live on; record all; record_path %s; record_unique on; %s }
} }
`, nginxModule, n.dir, n.dir, n.addr, n.dir, on)
	path := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command("nginx", "-e", n.dir+"/error.log", "-p", n.dir, "-c", path)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	unittest.Until(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
}

// stop ends nginx the hard way, as a crash would.
func (n *nginx) stop() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

func (n *nginx) recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(n.dir, "*.flv"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (n *nginx) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (n *nginx) url(key string) string { return "rtmp://" + n.addr + "/live/" + key }

func TestNginxTakesAndServes(t *testing.T) {
	n := newNginx(t, "")
	n.start(t)
	p := start(t, quick(n.url("key")))
	stop := feed(t, p, mediatest.Config{})
	waitState(t, p, Live)

	// What nginx plays out is what we pushed.
	out := filepath.Join(t.TempDir(), "pulled.mkv")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	pull := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-analyzeduration", "1000000", "-i", n.url("key"), "-t", "1.5", "-c", "copy", out)
	if b, err := pull.CombinedOutput(); err != nil {
		t.Fatalf("pull: %v: %s", err, b)
	}
	if got := mediatest.Decode(t, out); got < 8 {
		t.Errorf("%d pictures pulled", got)
	}

	// The name is taken: told as a refused key.
	second := start(t, quick(n.url("key")))
	if st := waitState(t, second, Failed); st.Reason.Kind != KindKey {
		t.Errorf("second publisher: %v", st.Reason)
	}
	wrong := start(t, quick("rtmp://"+n.addr+"/nosuchapp/key"))
	if st := waitState(t, wrong, Failed); st.Reason.Kind != KindApplication {
		t.Errorf("wrong application: %v", st.Reason)
	}
	stop()
	_ = p.Close()
	unittest.Until(t, "nginx has seen the end", func() bool { return strings.Contains(n.log(t), "deleteStream") })
	packets, _ := mediatest.Probe(t, n.recordings(t)[0])
	if len(packets) == 0 || !firstPicture(packets).Key {
		t.Error("the recording does not begin with a key picture")
	}
}

func firstPicture(packets []mediatest.Packet) mediatest.Packet {
	for _, p := range packets {
		if p.Video {
			return p
		}
	}
	return mediatest.Packet{}
}

func TestNginxComesBack(t *testing.T) {
	n := newNginx(t, "")
	n.start(t)
	p := start(t, quick(n.url("key")))
	stop := feed(t, p, mediatest.Config{})
	waitState(t, p, Live)
	unittest.Until(t, "a second was sent", func() bool { return p.Status().Stats.Samples > 60 })
	n.stop()
	waitState(t, p, Reconnecting)
	before := p.Status().Stats.Samples
	n.start(t)
	waitState(t, p, Live)
	unittest.Until(t, "a second more was sent", func() bool { return p.Status().Stats.Samples > before+60 })
	stop()
	_ = p.Close()
	unittest.Until(t, "both recordings are there", func() bool { return len(n.recordings(t)) == 2 })
	for _, file := range n.recordings(t) {
		if got := mediatest.Decode(t, file); got < 5 {
			t.Errorf("%s: %d pictures", filepath.Base(file), got)
		}
	}
}

func TestNginxHookRefuses(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer hook.Close()
	n := newNginx(t, hook.URL)
	n.start(t)
	p := start(t, quick(n.url("key")))
	if st := waitState(t, p, Failed); st.Reason.Kind != KindKey {
		t.Fatalf("%v", st.Reason)
	}
}

// TestFFmpegListens pushes to ffmpeg in listen mode, a server that answers as
// little as it can.
func TestFFmpegListens(t *testing.T) {
	mediatest.RequireFFmpeg(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "rtmp://" + ln.Addr().String() + "/live/key"
	_ = ln.Close()
	out := filepath.Join(t.TempDir(), "out.mkv")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-listen", "1", "-i", url, "-c", "copy", out)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// ffmpeg does not say when it listens, and serves one connection only.
	var p *Push
	unittest.Until(t, "ffmpeg has accepted", func() bool {
		if p == nil {
			p = start(t, quick(url))
		}
		switch st := p.Status(); {
		case st.Accepted:
			return true
		case st.State == Failed && st.Reason.Kind == KindRefused:
			_ = p.Close()
			p = nil
		case st.State == Failed:
			t.Fatalf("%v; ffmpeg: %s", st.Reason, stderr.String())
		}
		return false
	})
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p.Begin(params)
	for _, s := range samples {
		p.Write(s)
	}
	waitState(t, p, Live)
	_ = p.Close()
	if err := cmd.Wait(); err != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Logf("ffmpeg ended with %v: %s", err, stderr.String())
	}
	want := 0
	for _, s := range fromKey(samples) {
		if s.Kind == media.Video {
			want++
		}
	}
	if got := mediatest.Decode(t, out); got < want-1 {
		t.Errorf("%d pictures arrived, want %d", got, want)
	}
}
