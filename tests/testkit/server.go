package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	buildTimeout = 5 * time.Minute
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
)

// BinaryName is the environment variable that names a built meetcast program to
// test; without it one is built.
const BinaryName = "TESTKIT_MEETCAST"

var built struct {
	sync.Once
	dir, path string
	err       error
}

// Main runs a package's tests and removes what Binary built. Call it from TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	return code
}

// Binary returns the meetcast program, built once for all tests of the package.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(BinaryName); path != "" {
		return path
	}
	built.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	root, err := run(ctx, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	if built.dir, err = os.MkdirTemp("", "meetcast-test-"); err != nil {
		return "", err
	}
	path := filepath.Join(built.dir, "meetcast")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/meetcast")
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build meetcast: %w\n%s", err, out)
	}
	return path, nil
}

// Server is a running `meetcast serve` with a data folder of its own.
type Server struct {
	URL      string // http://localhost:port
	DataDir  string
	APIKey   string // of the organisation made at the first start
	HTTPPort int
	RTCPort  int
	RTMPPort int

	binary  string
	command []string // the binary, and what starts it
	env     []string
	p       *process
}

// ServerOptions change how a server is started.
type ServerOptions struct {
	// Env overrides keys of the configuration, as in
	// {"MEETCAST_BROADCAST_FPS": "30"}.
	Env map[string]string
	// Host is where the server is reached, when not on localhost, at the ports
	// HTTPPort and RTCPort; zero picks free ones.
	Host              string
	HTTPPort, RTCPort int
	// Command starts the program, as in "ip", "netns", "exec", NAME.
	Command []string
	// TLS serves pages over HTTPS with this certificate.
	TLS *Certificate
	// KeepChildren leaves out the check that no child process outlives the server.
	KeepChildren bool
}

// StartServer starts a server on free loopback ports that composes small
// pictures (320×180 at 15 frames a second), waits until it is ready and stops it
// with the test; the test fails when the server leaves child processes behind.
func StartServer(t testing.TB, o ServerOptions) *Server {
	t.Helper()
	s := &Server{
		DataDir: t.TempDir(), HTTPPort: FreePort(t), RTCPort: FreePort(t), RTMPPort: FreePort(t),
		binary: Binary(t), p: newProcess(t, "meetcast"),
	}
	host, listen := "localhost", "127.0.0.1"
	if o.Host != "" {
		host, listen = o.Host, ""
	}
	if o.HTTPPort != 0 {
		s.HTTPPort = o.HTTPPort
	}
	if o.RTCPort != 0 {
		s.RTCPort = o.RTCPort
	}
	s.command = append(append([]string{}, o.Command...), s.binary)
	s.URL = fmt.Sprintf("http://%s:%d", host, s.HTTPPort)
	values := map[string]string{
		"MEETCAST_DATA_DIR":             s.DataDir,
		"MEETCAST_LOG_LEVEL":            "info",
		"MEETCAST_HTTP_ADDRESS":         fmt.Sprintf("%s:%d", listen, s.HTTPPort),
		"MEETCAST_HTTP_PUBLIC_URL":      s.URL,
		"MEETCAST_RTC_PORT":             fmt.Sprint(s.RTCPort),
		"MEETCAST_TURN_ADDRESS":         ":0",
		"MEETCAST_INGEST_ADDRESS":       fmt.Sprintf("127.0.0.1:%d", s.RTMPPort),
		"MEETCAST_BROADCAST_WIDTH":      "320",
		"MEETCAST_BROADCAST_HEIGHT":     "180",
		"MEETCAST_BROADCAST_FPS":        "15",
		"MEETCAST_BROADCAST_VIDEO_KBPS": "600",
	}
	if o.TLS != nil {
		s.URL = fmt.Sprintf("https://%s:%d", host, s.HTTPPort)
		values["MEETCAST_HTTP_PUBLIC_URL"] = s.URL
		values["MEETCAST_HTTP_TLS_CERT"], values["MEETCAST_HTTP_TLS_KEY"] = o.TLS.Cert, o.TLS.Key
		values["MEETCAST_TURN_TLS_ADDRESS"] = ":0"
	}
	for name, value := range o.Env {
		values[name] = value
	}
	s.env = environment(values)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if err := s.NoChildren(5 * time.Second); err != nil && !o.KeepChildren {
			t.Error(err)
		}
		s.p.killDescendants()
	})
	s.Start(t)
	return s
}

// environment is the test's own less any MEETCAST_ settings, plus values.
func environment(values map[string]string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MEETCAST_") {
			env = append(env, entry)
		}
	}
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// Start starts it again, on the same ports and data, after Stop or Kill.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.p.start(s.env, s.command[0], append(s.command[1:], "serve")...); err != nil {
		t.Fatal(err)
	}
	Until(t, startTimeout, "meetcast is ready", func() error {
		if cmd, _ := s.p.running(); cmd == nil {
			t.Fatalf("meetcast ended at its start:\n%s", tail(s.Log(), logTail))
		}
		_, err := httpGet(context.Background(), s.URL+"/readyz")
		return err
	})
	if s.APIKey == "" {
		Until(t, startTimeout, "meetcast prints its API key", func() error {
			if s.APIKey = apiKeyForm.FindString(s.Log()); s.APIKey == "" {
				return errors.New("no API key in its output")
			}
			return nil
		})
	}
}

// apiKeyForm is the form of API keys, as printed at the first start.
var apiKeyForm = regexp.MustCompile(`mck_[0-9A-Za-z]+_[0-9A-Za-z_-]+`)

// Stop ends the server in an orderly way; nothing happens when it does not run.
func (s *Server) Stop() error { return s.p.stop(stopTimeout) }

// Kill ends it as kill -9 does.
func (s *Server) Kill() { s.p.kill() }

// PID returns the server's process id, 0 when it does not run.
func (s *Server) PID() int {
	cmd, _ := s.p.running()
	if cmd == nil {
		return 0
	}
	return cmd.Process.Pid
}

// Log returns everything the server has printed, over all its starts.
func (s *Server) Log() string { return s.p.output() }

// Children returns the server's descendants, such as ffmpeg, those it left
// behind when it was killed included.
func (s *Server) Children() []Process { return s.p.descendants() }

// NoChildren waits until no descendant is left.
func (s *Server) NoChildren(timeout time.Duration) error { return s.p.noDescendants(timeout) }

// httpGet returns the body of a 200 answer.
func httpGet(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := trusting.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return string(body), fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return string(body), nil
}
