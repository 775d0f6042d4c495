package avproc

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meetcast/meetcast/sfu/packet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestArguments holds what children are started with to golden files, one
// argument a line.
func TestArguments(t *testing.T) {
	cases := map[string][]string{
		"decode-fill":    decodeArgs(DecodeConfig{Codec: packet.VP8, Width: 640, Height: 360}),
		"decode-contain": decodeArgs(DecodeConfig{Codec: packet.H264, Width: 1024, Height: 720, Fit: Contain}),
		"audio":          audioArgs(AudioConfig{Bitrate: 128_000}),
		"audio-opus":     audioArgs(AudioConfig{Format: Opus, Bitrate: 128_000}),
	}
	for _, enc := range Encoders() {
		cases["video-"+enc] = videoArgs(VideoConfig{Encoder: enc, Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000})
	}
	cases["video-libx264-1080p60"] = videoArgs(VideoConfig{Encoder: "libx264", Width: 1920, Height: 1080, FPS: 60, Bitrate: 6_000_000})
	for name, args := range cases {
		file := filepath.Join("testdata", "args", name+".txt")
		got := strings.Join(args, "\n") + "\n"
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-golden +got):\n%s", name, diff)
		}
	}
}

func TestKnownEncoder(t *testing.T) {
	for name, want := range map[string]bool{"libx264": true, "h264_nvenc": true, "": false, "libx264 -y /etc/passwd": false} {
		if KnownEncoder(name) != want {
			t.Errorf("KnownEncoder(%q) = %v", name, !want)
		}
	}
}
