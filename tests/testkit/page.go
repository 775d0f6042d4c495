package testkit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	// pageTimeout bounds one command to the page.
	pageTimeout = 20 * time.Second
	// eyeWidth and eyeHeight are the size at which pictures are looked at.
	eyeWidth, eyeHeight = 160, 90
	// audibleAt is the level from which a tone counts as heard, dBFS; a fake
	// microphone plays at about -10, a browser's automatic gain moves it.
	audibleAt = -45.0
)

// Open loads a page and waits for its load event.
func (b *Browser) Open(url string) {
	b.t.Helper()
	if b.firefox != nil {
		if _, err := b.firefox.do("open", url); err != nil {
			b.t.Fatalf("open %s: %v", url, err)
		}
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, pageTimeout)
	defer cancel()
	// Through about:blank: a change of the fragment alone would not load.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(url)); err != nil {
		b.t.Fatalf("open %s: %v", url, err)
	}
}

// Eval evaluates a JavaScript expression, awaiting a promise, and decodes its
// value as JSON; undefined leaves into as it is, and into may be nil.
func (b *Browser) Eval(expression string, into any) error {
	text, err := b.run("(async () => JSON.stringify(await (" + expression + ")) ?? '')()")
	if err != nil {
		return fmt.Errorf("evaluate %.120s: %w", expression, err)
	}
	if into == nil || text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("evaluate %.120s: decode %.80s: %w", expression, text, err)
	}
	return nil
}

// run runs a script whose promise resolves to a text.
func (b *Browser) run(script string) (string, error) {
	if b.firefox != nil {
		return b.firefox.do("eval", script)
	}
	ctx, cancel := context.WithTimeout(b.ctx, pageTimeout)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
}

// Wait waits until a JavaScript expression is truthy and fails the test when it
// is not in time. what says what was waited for.
func (b *Browser) Wait(timeout time.Duration, what, expression string) {
	b.t.Helper()
	Until(b.t, timeout, what, func() error {
		var ok bool
		if err := b.Eval("!!("+expression+")", &ok); err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%.120s is false", expression)
		}
		return nil
	})
}

// WaitFor waits until an element is there, in shadow roots too.
func (b *Browser) WaitFor(timeout time.Duration, selector string) {
	b.t.Helper()
	b.Wait(timeout, "element "+selector, "__testkit.one("+quote(selector)+")")
}

// Click waits for an element and clicks it.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.WaitFor(pageTimeout, selector)
	if err := b.Eval("__testkit.one("+quote(selector)+").click()", nil); err != nil {
		b.t.Fatal(err)
	}
}

// Type replaces the text of an input as typing would, with its events.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.WaitFor(pageTimeout, selector)
	script := fmt.Sprintf(`(() => { const e = __testkit.one(%s); e.focus(); e.value = %s;
		e.dispatchEvent(new InputEvent("input", {bubbles: true, composed: true}));
		e.dispatchEvent(new Event("change", {bubbles: true, composed: true})); })()`, quote(selector), quote(text))
	if err := b.Eval(script, nil); err != nil {
		b.t.Fatal(err)
	}
}

// Text returns an element's text, empty when it is not there.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	var text string
	if err := b.Eval("__testkit.one("+quote(selector)+")?.textContent.trim() ?? ''", &text); err != nil {
		b.t.Fatal(err)
	}
	return text
}

// Tile is the selector of a participant's tile on the meeting page.
func Tile(participant, source string) string {
	return fmt.Sprintf(`[data-participant=%s][data-source=%s]`, quote(participant), quote(source))
}

// TileOf is the selector of the tile of the participant with a display name.
func TileOf(name, source string) string {
	return fmt.Sprintf(`[data-name=%s][data-source=%s]`, quote(name), quote(source))
}

// Control is the selector of a control of the meeting page.
func Control(testid string) string { return fmt.Sprintf(`[data-testid=%s]`, quote(testid)) }

func quote(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

// Look returns what a <video> shows, or the one inside an element.
func (b *Browser) Look(selector string) (*Frame, error) {
	var seen *struct {
		Width, Height int
		Data          string
	}
	script := fmt.Sprintf("__testkit.frame(%s, %d, %d)", quote(selector), eyeWidth, eyeHeight)
	if err := b.Eval(script, &seen); err != nil {
		return nil, err
	}
	if seen == nil {
		return nil, fmt.Errorf("video %s shows nothing yet", selector)
	}
	pix, err := base64.StdEncoding.DecodeString(seen.Data)
	if err != nil {
		return nil, fmt.Errorf("decode picture: %w", err)
	}
	return &Frame{seen.Width, seen.Height, pix}, nil
}

// Sees waits until a video shows a camera live: its colour, and its code moving.
func (b *Browser) Sees(timeout time.Duration, selector string, camera Camera) {
	b.t.Helper()
	first := -1
	Until(b.t, timeout, fmt.Sprintf("%s shows the %s camera", selector, camera.Colour.Name), func() error {
		frame, err := b.Look(selector)
		if err != nil {
			return err
		}
		if c := frame.CameraColour(frame.Bounds()); c != camera.Colour {
			return fmt.Errorf("it is %s", c.Name)
		}
		code, err := frame.Code(frame.Bounds())
		if err != nil {
			return err
		}
		if !camera.Shows(code) {
			return fmt.Errorf("code %d is another camera's", code)
		}
		if first < 0 {
			first = code
		}
		if code == first {
			return fmt.Errorf("the picture stands still at code %d", code)
		}
		return nil
	})
}

// Tones returns the loudness of frequencies in what the page plays, in dBFS,
// and how many sounding tracks it plays.
func (b *Browser) Tones(frequencies ...float64) ([]float64, int, error) {
	var heard struct {
		Sources int
		Levels  []float64
		State   string
	}
	list, _ := json.Marshal(frequencies)
	if err := b.Eval("__testkit.tones("+string(list)+")", &heard); err != nil {
		return nil, 0, err
	}
	if heard.State != "running" {
		return heard.Levels, heard.Sources, fmt.Errorf("audio context is %s", heard.State)
	}
	return heard.Levels, heard.Sources, nil
}

// Hears waits until all frequencies sound at the same time.
func (b *Browser) Hears(timeout time.Duration, frequencies ...float64) {
	b.t.Helper()
	Until(b.t, timeout, fmt.Sprintf("tones of %v Hz are heard", frequencies), func() error {
		return b.tonesAre(frequencies, func(level float64) bool { return level > audibleAt })
	})
}

func (b *Browser) tonesAre(frequencies []float64, ok func(float64) bool) error {
	levels, sources, err := b.Tones(frequencies...)
	if err != nil {
		return err
	}
	for _, level := range levels {
		if !ok(level) {
			return fmt.Errorf("levels are %.0f dBFS, %d tracks play", levels, sources)
		}
	}
	return nil
}

// Screenshot writes the page as it looks to a PNG file.
func (b *Browser) Screenshot(path string) error {
	if b.firefox != nil {
		_, err := b.firefox.do("screenshot", path)
		return err
	}
	ctx, cancel := context.WithTimeout(b.ctx, pageTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	return os.WriteFile(path, png, 0o644)
}
