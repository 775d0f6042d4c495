package testkit

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func write(t *testing.T, path string, device interface{ WriteFile(string) error }) string {
	t.Helper()
	if err := device.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCodeChecksum(t *testing.T) {
	seen := map[[codeRows * codeColumns]bool]int{}
	for code := range CodeModulus {
		bits := codeBits(code)
		if other, ok := seen[bits]; ok {
			t.Fatalf("codes %d and %d look the same", code, other)
		}
		seen[bits] = code
	}
}

func TestNameOf(t *testing.T) {
	for _, c := range Colours {
		if got := nameOf(c.R, c.G, c.B); got != c {
			t.Errorf("%s seen as %s", c.Name, got.Name)
		}
	}
	for _, grey := range []byte{0, 16, 60, 128, 235, 255} {
		if got := nameOf(grey, grey, grey); got != None {
			t.Errorf("grey %d seen as %s", grey, got.Name)
		}
	}
}

// TestCameraSurvives sends each camera through the codecs of a meeting and of a
// broadcast at the smallest tile that tests use, low bit rates included.
func TestCameraSurvives(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffprobe")
	for i, codec := range []string{"libvpx -deadline realtime -cpu-used 8 -b:v 120k", "libx264 -preset ultrafast -tune zerolatency -b:v 120k"} {
		for k, colour := range Colours[i*3 : i*3+3] {
			t.Run(strings.Fields(codec)[0]+" "+colour.Name, func(t *testing.T) {
				t.Parallel()
				cam := Camera{Colour: colour, FirstCode: 700*k + 2000, Duration: 2 * time.Second}
				checkCamera(t, cam, codec)
			})
		}
	}
}

func checkCamera(t *testing.T, cam Camera, codec string) {
	dir, ctx := t.TempDir(), testContext(t)
	in := write(t, filepath.Join(dir, "cam.y4m"), cam)
	out := filepath.Join(dir, "out.mkv")
	// Down to half a 320×180 picture and into the corner of a dark canvas, as a
	// composer does.
	args := []string{"-v", "error", "-i", in, "-vf", "scale=160:90,pad=320:180:160:0:0x202020", "-g", "30", "-c:v"}
	args = append(append(args, strings.Fields(codec)...), out)
	if _, err := run(ctx, "ffmpeg", args...); err != nil {
		t.Fatal(err)
	}
	d, err := Decode(ctx, out, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Frames) < 28 {
		t.Fatalf("%d frames, want 30", len(d.Frames))
	}
	tile := Rect{160, 0, 160, 90}
	for i, f := range d.Frames {
		if c := f.CameraColour(tile); c != cam.Colour {
			t.Errorf("frame %d: colour %s, want %s", i, c.Name, cam.Colour.Name)
		}
		code, err := f.Code(tile)
		want := cam.FirstCode + int(math.Round(f.At.Seconds()*15))
		if err != nil || code != want {
			t.Errorf("frame %d: code %d, %v, want %d", i, code, err, want)
		}
		if _, err := f.Code(Rect{0, 0, 160, 90}); err == nil {
			t.Errorf("frame %d: code in an empty tile", i)
		}
	}
	if !cam.Shows(cam.FirstCode+29) || cam.Shows(cam.FirstCode+30) || cam.Shows(cam.FirstCode-1) {
		t.Error("range of codes is wrong")
	}
}

func TestCodeInFittedTiles(t *testing.T) {
	f := &Frame{Width: 320, Height: 180, Pix: make([]byte, 320*180*4)}
	bits := codeBits(1234)
	for i, bit := range bits {
		b := codeBlock(Rect{0, 0, 320, 180}, i%codeColumns, i/codeColumns)
		for y := b.Y; y < b.Y+b.H; y++ {
			for x := b.X; x < b.X+b.W; x++ {
				if bit {
					copy(f.Pix[(y*320+x)*4:], []byte{235, 235, 235})
				}
			}
		}
	}
	for name, tile := range map[string]Rect{
		"exact": {0, 0, 320, 180}, "pillars": {-40, 0, 400, 180}, "bars": {0, -30, 320, 240}, "cropped": {40, 0, 240, 180},
	} {
		if code, err := f.Code(tile); err != nil || code != 1234 {
			t.Errorf("%s: %d, %v", name, code, err)
		}
	}
}

func TestTonesSurvive(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffprobe")
	ctx, dir := testContext(t), t.TempDir()
	a := write(t, filepath.Join(dir, "a.wav"), Microphone{Frequency: 440, Duration: 2 * time.Second})
	b := write(t, filepath.Join(dir, "b.wav"), Microphone{Frequency: 660, Duration: 2 * time.Second, Amplitude: 0.05})
	for _, codec := range []string{"aac", "libopus"} {
		out := filepath.Join(dir, codec+".mkv")
		if _, err := run(ctx, "ffmpeg", "-v", "error", "-i", a, "-i", b, "-filter_complex", "amix=normalize=0", "-c:a", codec, out); err != nil {
			t.Fatal(err)
		}
		d, err := Decode(ctx, out, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for frequency, want := range map[float64]float64{440: 0.3, 660: 0.05, 880: 0, 550: 0} {
			if got := Tone(d.PCM, frequency); math.Abs(got-want) > 0.02 {
				t.Errorf("%s: %v Hz at %.3f, want %.3f", codec, frequency, got, want)
			}
		}
	}
}

func TestClapAndFlash(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffprobe")
	for _, delay := range []time.Duration{0, 200 * time.Millisecond, -130 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()
			ctx, dir := testContext(t), t.TempDir()
			film := write(t, filepath.Join(dir, "c.y4m"), Camera{Colour: Blue, FlashEvery: 2 * time.Second, Duration: 7 * time.Second})
			sound := write(t, filepath.Join(dir, "c.wav"), Microphone{Frequency: 1000, BeepEvery: 2 * time.Second, Duration: 7 * time.Second})
			out := filepath.Join(dir, "out.mp4")
			_, err := run(ctx, "ffmpeg", "-v", "error", "-i", film, "-itsoffset", fmt.Sprint(delay.Seconds()), "-i", sound,
				"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", out)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Decode(ctx, out, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			flashes, beeps := Flashes(d.Frames, d.Frames[0].Bounds()), Beeps(d.PCM, 1000)
			if len(flashes) != 3 || len(beeps) < 3 {
				t.Fatalf("flashes at %v, beeps at %v", flashes, beeps)
			}
			got, ok := Offset(flashes, beeps)
			if !ok || (got-delay).Abs() > 15*time.Millisecond {
				t.Errorf("offset %v, want %v (flashes %v, beeps %v)", got, delay, flashes, beeps)
			}
		})
	}
}

func TestProbeAndCheck(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffprobe")
	ctx, dir := testContext(t), t.TempDir()
	film := write(t, filepath.Join(dir, "c.y4m"), Camera{Colour: Red, Duration: 3 * time.Second})
	sound := write(t, filepath.Join(dir, "c.wav"), Microphone{Frequency: 440, Duration: 3 * time.Second})
	good, holed := filepath.Join(dir, "good.flv"), filepath.Join(dir, "holed.flv")
	encode := func(out, filter string) {
		_, err := run(ctx, "ffmpeg", "-v", "error", "-i", film, "-i", sound, "-vf", filter, "-fps_mode", "passthrough",
			"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-c:a", "aac", "-ar", "48000", out)
		if err != nil {
			t.Fatal(err)
		}
	}
	encode(good, "null")
	encode(holed, "select='not(between(n,10,20))'")
	want := Want{Width: 320, Height: 180, FPS: 15, MinDuration: 2500 * time.Millisecond}

	p, err := Probe(ctx, good)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(want); err != nil {
		t.Errorf("good file: %v", err)
	}
	for name, w := range map[string]Want{
		"size": {Width: 640, Height: 360, FPS: 15}, "rate": {Width: 320, Height: 180, FPS: 30},
		"length": {Width: 320, Height: 180, FPS: 15, MinDuration: time.Hour},
	} {
		if err := p.Check(w); err == nil {
			t.Errorf("wrong %s not noticed", name)
		}
	}
	if sizes, err := PictureSizes(ctx, good); err != nil || len(sizes) != 1 || sizes[[2]int{320, 180}] != 45 {
		t.Errorf("sizes %v, %v", sizes, err)
	}
	if p, err = Probe(ctx, holed); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(want); err == nil || !strings.Contains(err.Error(), "hole") {
		t.Errorf("hole not noticed: %v", err)
	}
	copied := filepath.Join(dir, "copied.mkv")
	if err := Record(ctx, good, copied, time.Second); err != nil {
		t.Fatal(err)
	}
	if p, err = Probe(ctx, copied); err != nil || p.span(0) > 1200*time.Millisecond {
		t.Errorf("recorded piece: %v", err)
	}
	if err := Record(ctx, filepath.Join(dir, "none.flv"), copied, time.Second); err == nil {
		t.Error("recording nothing is no error")
	}
}

// A bot must show and play the same as a browser with these devices.
func TestBotTracks(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffmpeg")
	camera := Camera{Colour: Cyan, FirstCode: 5, Duration: 2 * time.Second}
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		tracks := BotTracks(t, codec, &camera, &Microphone{Frequency: 440, Duration: 2 * time.Second})
		if len(tracks) != 2 || tracks[0].Source != track.Microphone || tracks[1].Source != track.Camera {
			t.Fatalf("tracks: %+v", tracks)
		}
		picture, sound := tracks[1].Layers[0], tracks[0].Layers[0]
		if picture.Codec != codec || len(picture.Frames) != camera.Frames() || picture.Width != 320 {
			t.Errorf("picture: %v, %d frames, %d wide", picture.Codec, len(picture.Frames), picture.Width)
		}
		// Both go round after the same time, or lips would drift from sound.
		if d := picture.Duration() - sound.Duration(); d.Abs() > time.Millisecond {
			t.Errorf("picture goes round after %v, sound after %v", picture.Duration(), sound.Duration())
		}
	}
}
