package sfu

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// browser is a real Chromium with testdata/page.html, joined to a peer.
type browser struct {
	*client
	ctx context.Context
}

// pageReport is what the page's report returns.
type pageReport struct {
	State    string
	SRTP     string
	Outbound map[string]struct{ Width, Frames, Nacks, PLIs int }
	Video    []inbound
	Audio    []inbound
}

type inbound struct {
	Mid                                         string
	Packets, Lost, Frames, Width, PLIs, Freezes int
	Energy                                      float64
}

func newBrowser(t *testing.T, e *Engine) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path := unittest.Program(t, "chromium", "chromium")
	server := httptest.NewServer(http.FileServer(http.Dir("testdata")))
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("headless", true), chromedp.Flag("use-fake-device-for-media-stream", "fps=15"), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("allow-loopback-in-peer-connection", true))
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	b := &browser{client: &client{t: t}, ctx: ctx}
	var err error
	if b.peer, err = e.NewPeer(PeerConfig{Member: "b", AudioSlots: 3, MaxVideoSlots: 4, Handler: b}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.peer.Close()
		_ = chromedp.Cancel(ctx)
		cancel()
		cancelAlloc()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/page.html")); err != nil {
		t.Fatalf("open page: %v", err)
	}
	return b
}

// run evaluates an expression in the page and waits for its promise.
func (b *browser) run(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+") ?? ''))()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

func (b *browser) negotiate(options string) {
	b.t.Helper()
	var o struct {
		SDP    string
		Tracks map[string]track.Source
	}
	if err := json.Unmarshal([]byte(b.run("offer("+options+")")), &o); err != nil {
		b.t.Fatal(err)
	}
	answer, err := b.peer.Answer(b.ctx, o.SDP, o.Tracks)
	if err != nil {
		b.t.Fatalf("answer Chromium: %v\n%s", err, o.SDP)
	}
	quoted, _ := json.Marshal(answer)
	b.run("answer(" + string(quoted) + ")")
}

func (b *browser) report() (r pageReport) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(b.run("report()")), &r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) until(what string, ok func(pageReport) bool) pageReport {
	b.t.Helper()
	var r pageReport
	for deadline := time.Now().Add(25 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if r = b.report(); ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("timed out: %s: %+v\npeer %+v", what, r, b.peer.Stats())
		}
	}
}

// slot returns what the page receives in a slot.
func (r pageReport) slot(mid string) inbound {
	for _, in := range r.Video {
		if in.Mid == mid {
			return in
		}
	}
	return inbound{}
}

// A real Chromium publishes three layers and sees itself in its own slots.
func TestChromiumSimulcast(t *testing.T) {
	b := newBrowser(t, newEngine(t, Config{}))
	b.run("receive('audio')")
	b.run("receive('video')")
	b.negotiate("")
	b.until("connected", func(r pageReport) bool { return r.State == "connected" })
	b.run("publish('VP8')") // later, as when somebody switches the camera on
	b.negotiate("")
	camera, mic := b.up(track.Camera), b.up(track.Microphone)
	if camera.Info().Codec != packet.VP8 {
		t.Fatalf("%+v", camera.Info())
	}
	first := b.slot(track.Video, 0)
	b.peer.Bind(b.slot(track.Audio, 0), mic, track.Size{})
	b.peer.Bind(first, camera, thumbnail)
	b.until("the small layer", func(r pageReport) bool { return r.slot(first).Width == 320 && r.slot(first).Frames > 5 })
	r := b.until("sound", func(r pageReport) bool { return len(r.Audio) > 0 && r.Audio[0].Energy > 0 })
	if r.SRTP != "SRTP_AEAD_AES_128_GCM" {
		t.Errorf("SRTP by %q", r.SRTP)
	}
	unittest.Until(t, "loudness", func() bool { return mic.Loudness() > 0.3 })
	unittest.Until(t, "clocks", func() bool { _, ok := camera.ClockRef(0); return ok })

	b.peer.Bind(first, camera, fullHD)
	frames := b.until("the large layer", func(r pageReport) bool { return r.slot(first).Width == 1280 }).slot(first).Frames
	b.until("it goes on", func(r pageReport) bool { return r.slot(first).Frames > frames+10 })

	// More slots and an ICE restart, in one re-offer.
	b.run("receive('video')")
	b.negotiate("{ iceRestart: true }")
	second := b.slot(track.Video, 1)
	b.peer.Bind(second, camera, thumbnail)
	frames = b.report().slot(first).Frames
	r = b.until("both slots", func(r pageReport) bool { return r.slot(second).Frames > 5 && r.slot(first).Frames > frames+5 })
	t.Logf("%+v %+v", r, b.peer.Stats().Bandwidth)
	for _, in := range r.Video {
		if in.PLIs > 5 {
			t.Errorf("slot %s: %+v", in.Mid, in)
		}
	}
}

// Scalable pictures, described by dependency descriptors, reach another slot in
// the size that is asked for; sound comes with redundancy.
func TestChromiumScalable(t *testing.T) {
	b := newBrowser(t, newEngine(t, Config{}))
	b.run("publish('VP9', 'L3T3_KEY')")
	b.run("receive('audio')")
	b.run("receive('video')")
	b.negotiate("")
	camera, mic := b.up(track.Camera), b.up(track.Microphone)
	if camera.Info().Codec != packet.VP9 {
		t.Fatalf("%+v", camera.Info())
	}
	mid := b.slot(track.Video, 0)
	b.peer.Bind(b.slot(track.Audio, 0), mic, track.Size{})
	b.peer.Bind(mid, camera, fullHD)
	b.until("pictures", func(r pageReport) bool { return r.slot(mid).Frames > 10 && r.slot(mid).Width >= 640 })
	unittest.Until(t, "redundancy", func() bool {
		return slices.ContainsFunc(b.peer.streams.Load().all, func(s *stream) bool {
			f, _, _ := s.pub.line.Format(uint8(s.payloadType.Load()))
			return f.Codec == packet.RED
		})
	})
	b.until("sound", func(r pageReport) bool { return len(r.Audio) > 0 && r.Audio[0].Energy > 0 })
	b.peer.Bind(mid, camera, thumbnail)
	frames := b.until("the small picture", func(r pageReport) bool { return r.slot(mid).Width <= 320 }).slot(mid).Frames
	b.until("it goes on", func(r pageReport) bool { return r.slot(mid).Frames > frames+10 })
}

// The same page sends H.264.
func TestChromiumH264(t *testing.T) {
	b := newBrowser(t, newEngine(t, Config{}))
	b.run("publish('H264')")
	b.run("receive('video')")
	b.negotiate("")
	camera := b.up(track.Camera)
	if camera.Info().Codec != packet.H264 {
		t.Fatalf("%+v", camera.Info())
	}
	mid := b.slot(track.Video, 0)
	b.peer.Bind(mid, camera, fullHD)
	b.until("pictures", func(r pageReport) bool { return r.slot(mid).Frames > 10 })
	if s := camera.Layers()[0].Size; s.Width == 0 || s.Height == 0 {
		t.Errorf("size %+v from the parameter sets", s)
	}
}
