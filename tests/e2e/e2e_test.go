// Package e2e drives the whole product: the built program, real Chromium pages
// with fake cameras and microphones, real RTMP servers, and ffmpeg to look at
// what comes out.
package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// patience is how long a test waits for a state that should come within a
// second or two; the machine may be busy with several browsers.
const patience = 30 * time.Second

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// person is one participant with a camera and a voice that can be told apart.
type person struct {
	name   string
	camera testkit.Camera
	tone   float64 // Hz
}

// people are enough for the tests. Their tones are no multiples of each other.
var people = []person{
	{"Ann", testkit.Camera{Colour: testkit.Red, FirstCode: 0}, 440},
	{"Bob", testkit.Camera{Colour: testkit.Green, FirstCode: 500}, 620},
	{"Cid", testkit.Camera{Colour: testkit.Blue, FirstCode: 1000}, 830},
	{"Dot", testkit.Camera{Colour: testkit.Yellow, FirstCode: 1500}, 1130},
}

// browser starts a person's browser with its own camera and microphone.
func (p person) browser(t *testing.T) *testkit.Browser {
	t.Helper()
	camera := p.camera
	return testkit.StartBrowser(t, testkit.BrowserOptions{
		Camera: &camera, Microphone: &testkit.Microphone{Frequency: p.tone},
	})
}

// picture keeps a page's looks for people to see when TEST_ARTIFACTS names a folder.
func picture(t *testing.T, b *testkit.Browser, name string) {
	t.Helper()
	dir := os.Getenv("TEST_ARTIFACTS")
	if dir == "" {
		return
	}
	if err := b.Screenshot(filepath.Join(dir, name+".png")); err != nil {
		t.Error(err)
	}
}
