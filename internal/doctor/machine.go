package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lowSpace is where a recording of a few hours would no longer fit, bytes.
const lowSpace = 5 << 30

// dataFolder creates the folder, writes into it, and looks at the space left.
func dataFolder(dir string) Finding {
	f := Finding{Check: "data folder"}
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(abs, 0o700)
	}
	var probe *os.File
	if err == nil {
		probe, err = os.CreateTemp(abs, ".doctor-*")
	}
	if err != nil {
		f.Level, f.Text = Failure, fmt.Sprintf("cannot write: %v", err)
		f.Todo = "give this user the right to write there, or set data_dir"
		return f
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	if _, err := probe.WriteString("probe"); err != nil || probe.Sync() != nil {
		f.Level, f.Text, f.Todo = Failure, fmt.Sprintf("cannot write to %s", abs), "is the disk full?"
		return f
	}
	var st unix.Statfs_t
	if err := unix.Statfs(abs, &st); err != nil {
		f.Text = abs + " is writable"
		return f
	}
	free := st.Bavail * uint64(st.Bsize)
	f.Text = fmt.Sprintf("%s is writable, %.1f GB free", abs, float64(free)/1e9)
	if free < lowSpace {
		f.Level, f.Todo = Warning, "an hour of 720p takes about 1.2 GB: free some space or set recording.dir"
	}
	return f
}

// ffmpeg runs the program and looks for the encoders and decoders that a
// broadcast needs.
func ffmpeg(ctx context.Context, program, encoder string) []Finding {
	f := Finding{Check: "ffmpeg"}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-hide_banner", "-version").Output()
	if err != nil {
		f.Level, f.Text = Warning, fmt.Sprintf("%s does not run: %v; meetings work, broadcasts do not", program, err)
		f.Todo = "install it (Debian: apt-get install ffmpeg), or set broadcast.ffmpeg"
		return []Finding{f}
	}
	f.Text, _, _ = strings.Cut(string(out), "\n")
	return []Finding{f, codecs(ctx, program, encoder)}
}

// webRTCSound encodes the sound of a broadcast for viewers over WebRTC.
const webRTCSound = "libopus"

func codecs(ctx context.Context, program, encoder string) Finding {
	f := Finding{Check: "codecs"}
	var missing []string
	for flag, names := range map[string][]string{"-encoders": {encoder, "aac", webRTCSound}, "-decoders": {"vp8", "h264"}} {
		out, err := exec.CommandContext(ctx, program, "-hide_banner", flag).Output()
		if err != nil {
			f.Level, f.Text, f.Todo = Failure, fmt.Sprintf("cannot list %s: %v", flag, err), "reinstall ffmpeg"
			return f
		}
		for _, n := range names {
			if !lists(string(out), n) {
				missing = append(missing, n)
			}
		}
	}
	if len(missing) == 1 && missing[0] == webRTCSound {
		f.Level, f.Text = Warning, "this ffmpeg lacks "+webRTCSound+"; viewers over WebRTC (WHEP) hear nothing"
		f.Todo = "install a full build of ffmpeg"
		return f
	}
	if len(missing) > 0 {
		f.Level, f.Text = Failure, "this ffmpeg lacks "+strings.Join(missing, ", ")
		f.Todo = "install a full build of ffmpeg, or set broadcast.encoder to an encoder it has"
		return f
	}
	f.Text = encoder + ", aac and libopus encode, vp8 and h264 decode"
	return f
}

// lists tells whether a table of ffmpeg has a codec in its second column.
func lists(table, name string) bool {
	for line := range strings.Lines(table) {
		if w := strings.Fields(line); len(w) > 1 && w[1] == name {
			return true
		}
	}
	return false
}

// clock asks the kernel whether the time is kept, and the data folder whether
// it was ever later. Tokens are worth what the clock is worth.
func clock(dataDir string) Finding {
	f := Finding{Check: "clock"}
	now := time.Now()
	newest, err := newestFile(dataDir)
	if err == nil && newest.After(now.Add(time.Minute)) {
		f.Level = Failure
		f.Text = fmt.Sprintf("it is %s here, yet the data folder was written %s", now.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
		f.Todo = "set the clock: tokens would be refused as not yet valid"
		return f
	}
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	f.Text = now.UTC().Format(time.RFC3339)
	switch {
	case err != nil:
		f.Text += " (the kernel does not tell whether it is kept)"
	case state == unix.TIME_ERROR:
		f.Level, f.Text = Warning, f.Text+", not synchronised"
		f.Todo = "run an NTP client (Debian: apt-get install systemd-timesyncd)"
	default:
		f.Text += fmt.Sprintf(", synchronised to %d ms", tx.Maxerror/1000)
	}
	return f
}

// newestFile returns the latest modification time below a folder, looking at
// no more than a few thousand files.
func newestFile(dir string) (time.Time, error) {
	var newest time.Time
	left := 5000
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if left--; err != nil || left < 0 {
			return fs.SkipAll
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	return newest, err
}
