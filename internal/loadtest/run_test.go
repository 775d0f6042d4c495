package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/botclient/bottest"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/internal/unittest"
)

// cacheDir keeps the media that one test made for the others.
var cacheDir string

func TestMain(m *testing.M) {
	var err error
	if cacheDir, err = os.MkdirTemp("", "loadtest-"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(cacheDir)
		os.Exit(code)
	}))
}

func small(t *testing.T, server *bottest.Server) Config {
	unittest.Program(t, "ffmpeg", "ffmpeg")
	return Config{
		URL: server.URL, APIKey: bottest.APIKey, Publishers: 1, Subscribers: 3, Duration: time.Second, JoinsPerSecond: 100,
		Simulcast: true, Width: 256, Height: 144, FPS: 15, Bitrate: 300_000, CacheDir: cacheDir,
	}
}

func TestRun(t *testing.T) {
	server := bottest.New(t, 0)
	var out bytes.Buffer
	result, err := Run(context.Background(), small(t, server), &out)
	if err != nil {
		t.Fatal(err)
	}
	j, m := result.Joins, result.Media
	if j.Done != 4 || j.Failed != 0 || j.NoMedia != 0 || j.ConnectedP95 <= 0 || j.MediaP50 <= 0 || j.MediaP50 > j.MediaP95 {
		t.Errorf("joins: %+v", j)
	}
	if m.PacketsOut < 150 || m.BitrateOut < 100_000 || m.BitrateIn < 100_000 || m.Lost != 0 || m.LateSlots != 0 {
		t.Errorf("media: %+v", m)
	}
	// The server is this very process.
	if result.Server == nil || result.Server.PID != os.Getpid() || result.Server.CPUPerPacket <= 0 || result.Server.RSS == 0 {
		t.Errorf("server: %+v", result.Server)
	}
	if !strings.Contains(out.String(), "Joined: 4 of 4") {
		t.Errorf("progress: %q", out.String())
	}
	if strings.Contains(out.String(), "\r") {
		t.Error("live line in what is no terminal")
	}
	if table := result.Table(); !strings.Contains(table, "4 of 4") || !strings.Contains(table, "µs a packet") {
		t.Errorf("table:\n%s", table)
	}
	raw, err := json.Marshal(result)
	if err != nil || !strings.Contains(string(raw), `"cpu_per_packet_us":`) {
		t.Errorf("JSON: %s, %v", raw, err)
	}
}

func TestRunInterrupted(t *testing.T) {
	server := bottest.New(t, 0)
	cfg := small(t, server)
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for server.Seen().Joins < 4 {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second) // into the measured part
	}()
	result, err := Run(ctx, cfg, nil)
	if err != nil || !result.Interrupted || result.Measured <= 0 || result.Media.PacketsOut == 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestRunErrors(t *testing.T) {
	server := bottest.New(t, 0)
	cfg := small(t, server)

	cfg.APIKey = "wrong"
	if _, err := Run(context.Background(), cfg, nil); err == nil || !strings.Contains(err.Error(), "unknown key") {
		t.Errorf("wrong key: %v", err)
	}
	cfg.Tokens = []string{bottest.BadToken}
	if _, err := Run(context.Background(), cfg, nil); err == nil || !strings.Contains(err.Error(), "nobody could join") {
		t.Errorf("wrong token: %v", err)
	}
	cfg.FFmpeg, cfg.CacheDir = "no-such-program", t.TempDir()
	if _, err := Run(context.Background(), cfg, nil); !errors.Is(err, clip.ErrNoFFmpeg) {
		t.Errorf("no ffmpeg: %v", err)
	}
	notJSON := httptest.NewServer(http.NotFoundHandler())
	defer notJSON.Close()
	cfg = small(t, server)
	cfg.URL = notJSON.URL
	if _, err := Run(context.Background(), cfg, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another server: %v", err)
	}
}

func TestCheck(t *testing.T) {
	good := func() Config {
		return Config{URL: "http://localhost:8080", APIKey: "k", Publishers: 1, Subscribers: 1}
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"good":         {func(*Config) {}, ""},
		"loopback":     {func(c *Config) { c.URL = "http://[::1]:80" }, ""},
		"scheme":       {func(c *Config) { c.URL = "localhost:8080" }, "not of the form"},
		"key":          {func(c *Config) { c.APIKey = "" }, "neither an API key"},
		"tokens":       {func(c *Config) { c.Tokens, c.Rooms = []string{"a"}, 2 }, "1 tokens for 2 rooms"},
		"nobody":       {func(c *Config) { c.Publishers, c.Subscribers = 0, 0 }, "nobody"},
		"negative":     {func(c *Config) { c.Subscribers = -3 }, "nobody"},
		"too many":     {func(c *Config) { c.Subscribers = 9999 }, "more than one process"},
		"codec":        {func(c *Config) { c.Video = "mpeg2" }, "not one of"},
		"size":         {func(c *Config) { c.Width = 333 }, "multiples"},
		"nothing sent": {func(c *Config) { c.Video, c.NoAudio = VideoNone, true }, "nothing to send"},
		"not own":      {func(c *Config) { c.URL = "http://192.0.2.1" }, "--i-own-this-server"},
		"own":          {func(c *Config) { c.URL, c.OwnServer = "http://192.0.2.1", true }, ""},
	} {
		cfg := good()
		c.change(&cfg)
		cfg.setDefaults()
		err := cfg.check()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLayers(t *testing.T) {
	c := Config{Simulcast: true}
	c.setDefaults()
	var total int
	for i, l := range layers(&c) {
		if l.Width != 320<<i || l.Height != 180<<i {
			t.Errorf("layer %d: %dx%d", i, l.Width, l.Height)
		}
		total += l.Bitrate
	}
	if total > DefaultBitrate*3/2 {
		t.Errorf("layers take %d bit/s", total)
	}
}

func TestParseStat(t *testing.T) {
	const stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 8 0 1 1 1"
	u, err := parseStat(stat)
	if err != nil || u.CPU != 3*time.Second {
		t.Errorf("%v, %v", u.CPU, err)
	}
	for _, bad := range []string{"", "42", "42 (x) S 1", "42 (x) S 1 2 3 4 5 6 7 8 9 10 x y 1"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestPercentile(t *testing.T) {
	var values []time.Duration
	for i := 100; i > 0; i-- {
		values = append(values, time.Duration(i)*time.Millisecond)
	}
	if p := percentile(values, 0.5); p != 51 {
		t.Errorf("p50 = %v", p)
	}
	if p := percentile(values, 0.95); p != 96 {
		t.Errorf("p95 = %v", p)
	}
	if percentile(nil, 0.5) != 0 {
		t.Error("percentile of nothing")
	}
}
