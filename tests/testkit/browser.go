package testkit

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/meetcast/meetcast/internal/unittest"
)

//go:embed eyes.js
var eyes string

const (
	browserStart = 30 * time.Second
	browserClose = 5 * time.Second
	maxConsole   = 500 // lines kept
)

// BrowserOptions describe one participant's browser.
type BrowserOptions struct {
	// Camera and Microphone are what the devices play. With both nil none is
	// plugged in; with one nil, Chromium plays its own test picture or beep.
	Camera     *Camera
	Microphone *Microphone
	// Width and Height of the window, pixels; zero means 960×600.
	Width, Height int
	// Script runs in every page before its own scripts.
	Script string
	// Flags are further command-line switches, as in "lang": "de".
	Flags map[string]any
}

// Browser is a Chromium process of its own with one page, since Chromium has one
// fake camera a process, or a Firefox. It ends with the test.
type Browser struct {
	ctx   context.Context
	t     testing.TB
	group int // process group
	// firefox does what chromedp does for Chromium; nil in a Chromium.
	firefox *firefox

	mu      sync.Mutex
	console []string // errors and warnings, exceptions
}

// Chromium returns the browser program: the CHROMIUM environment variable, or
// what is installed.
func Chromium(t testing.TB) string {
	t.Helper()
	if name := os.Getenv("CHROMIUM"); name != "" {
		return name
	}
	return unittest.Program(t, "chromium", "chromium", "chromium-browser", "google-chrome")
}

// StartBrowser starts Chromium with fake devices.
func StartBrowser(t testing.TB, o BrowserOptions) *Browser {
	t.Helper()
	// Not t.TempDir: Chromium may write to its profile while it dies.
	profile, err := os.MkdirTemp("", "testkit-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	flags := browserFlags(t, o)
	flags["user-data-dir"] = profile
	mark := fmt.Sprintf("chromium-%d-%d", os.Getpid(), time.Now().UnixNano())

	b := &Browser{t: t}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), allocatorOptions(Chromium(t), mark, flags)...)
	quiet := func(string, ...any) {}
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet), chromedp.WithListener(b.heard))
	b.ctx = ctx
	t.Cleanup(func() {
		b.close()
		cancel()
		stop()
		killMarked(mark)
		removeTree(profile)
		if t.Failed() {
			t.Logf("console of %q:\n%s", o.name(), strings.Join(b.Console(), "\n"))
		}
	})
	if err := b.open(o.Script); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

func (o BrowserOptions) name() string {
	if o.Camera != nil {
		return o.Camera.Colour.Name
	}
	return "no camera"
}

// allocatorOptions put the browser into a process group of its own and mark it,
// so that none of its helpers survives.
func allocatorOptions(program, mark string, flags map[string]any) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.Env(markName + "=" + mark),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		}),
	}
	for name, value := range flags {
		options = append(options, chromedp.Flag(name, value))
	}
	return options
}

// browserFlags are the switches, fake devices included.
func browserFlags(t testing.TB, o BrowserOptions) map[string]any {
	t.Helper()
	if o.Width == 0 {
		o.Width, o.Height = 960, 600
	}
	flags := map[string]any{
		"headless": "new", "no-sandbox": true, "disable-gpu": true, "disable-dev-shm-usage": true, "disable-quic": true,
		"no-first-run": true, "no-default-browser-check": true, "disable-extensions": true, "disable-sync": true,
		"disable-background-networking": true, "disable-component-update": true, "disable-breakpad": true,
		"disable-background-timer-throttling": true, "disable-backgrounding-occluded-windows": true,
		"disable-renderer-backgrounding": true, "disable-features": "Translate,MediaRouter,OptimizationHints",
		"enable-automation": true, "password-store": "basic", "use-mock-keychain": true, "force-color-profile": "srgb",
		"autoplay-policy": "no-user-gesture-required", "use-fake-ui-for-media-stream": true,
		"auto-select-desktop-capture-source": "Entire screen",
		"window-size":                        fmt.Sprintf("%d,%d", o.Width, o.Height),
	}
	if o.Camera != nil || o.Microphone != nil {
		flags["use-fake-device-for-media-stream"] = true
	}
	dir := t.TempDir()
	device := func(flag, file string, d interface{ WriteFile(string) error }) {
		path := filepath.Join(dir, file)
		if err := d.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		flags[flag] = path
	}
	if o.Camera != nil {
		device("use-file-for-fake-video-capture", "camera.y4m", *o.Camera)
	}
	if o.Microphone != nil {
		device("use-file-for-fake-audio-capture", "microphone.wav", *o.Microphone)
	}
	for name, value := range o.Flags {
		flags[name] = value
	}
	return flags
}

// open starts the process and prepares its page.
func (b *Browser) open(script string) error {
	// The first command starts the browser and must not have a deadline: the
	// browser would end with it.
	started := make(chan error, 1)
	go func() {
		_, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (struct{}, error) {
			_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: eyes + "\n" + script})
			return struct{}{}, err
		})
		started <- err
	}()
	select {
	case err := <-started:
		if err != nil {
			return err
		}
	case <-time.After(browserStart):
		return fmt.Errorf("not within %v", browserStart)
	}
	if p := chromedp.FromContext(b.ctx).Browser.Process(); p != nil {
		b.group = p.Pid
	}
	return nil
}

// close lets the browser end by itself for a moment, then kills its group.
func (b *Browser) close() {
	closing, cancel := context.WithTimeout(b.ctx, browserClose)
	_ = chromedp.Cancel(closing)
	cancel()
	if b.group != 0 {
		_ = syscall.Kill(-b.group, syscall.SIGKILL)
	}
}

// Crash kills the browser at once, as when a laptop is switched off.
func (b *Browser) Crash() {
	if b.group != 0 {
		_ = syscall.Kill(-b.group, syscall.SIGKILL)
	}
}

func killMarked(mark string) {
	for _, p := range marked(mark) {
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	}
}

func removeTree(dir string) {
	_ = until(2*time.Second, func() error { return os.RemoveAll(dir) })
}

// heard collects what the page complains about.
func (b *Browser) heard(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeWarning {
			return
		}
		var words []string
		for _, a := range e.Args {
			words = append(words, describe(a))
		}
		b.note(string(e.Type) + ": " + strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		b.note("exception: " + (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError {
			b.note(fmt.Sprintf("log: %s (%s)", e.Entry.Text, e.Entry.URL))
		}
	}
}

func describe(o *runtime.RemoteObject) string {
	if o.Description != "" {
		return o.Description
	}
	return strings.Trim(string(o.Value), `"`)
}

func (b *Browser) note(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.console) < maxConsole {
		b.console = append(b.console, line)
	}
}

// Console returns the page's errors, warnings and exceptions so far.
func (b *Browser) Console() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.console...)
}
