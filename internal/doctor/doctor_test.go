package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDataFolder(t *testing.T) {
	dir := t.TempDir()
	if f := dataFolder(filepath.Join(dir, "new")); f.Level == Failure {
		t.Errorf("a new folder: %+v", f)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := dataFolder(file); f.Level != Failure || f.Todo == "" {
		t.Errorf("a file in place of the folder: %+v", f)
	}
}

func TestPortsNamesTheBusyKey(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := ports(Config{HTTPAddress: l.Addr().String(), IngestAddress: "127.0.0.1:0"}, false)
	if f.Level != Failure || !strings.Contains(f.Text, "http.address") {
		t.Errorf("finding is %+v", f)
	}
	if f := ports(Config{HTTPAddress: "127.0.0.1:0", IngestAddress: "127.0.0.1:0", RTCTCP: true}, false); f.Level != OK {
		t.Errorf("free ports: %+v", f)
	}
}

func TestAddresses(t *testing.T) {
	private, public := net.ParseIP("192.168.1.2"), net.ParseIP("203.0.113.7")
	for name, tc := range map[string]struct {
		c    Config
		ips  []net.IP
		want Level
	}{
		"advertised": {Config{AdvertisedIPs: []string{"203.0.113.7"}}, []net.IP{private}, OK},
		"public":     {Config{}, []net.IP{private, public}, OK},
		"private":    {Config{}, []net.IP{private}, Warning},
		"none":       {Config{}, nil, Warning},
	} {
		if f := addresses(tc.c, tc.ips); f.Level != tc.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestSecureContext(t *testing.T) {
	for url, want := range map[string]Level{
		"https://meet.example.org": OK, "http://localhost:8080": OK, "http://127.0.0.1:8080": OK,
		"http://meet.example.org": Warning, "": Warning,
	} {
		if f := secureContext(Config{PublicURL: url}); f.Level != want {
			t.Errorf("%q: %+v", url, f)
		}
	}
}

func TestClockNoticesFilesFromTheFuture(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := clock(dir); f.Level == Failure {
		t.Errorf("now: %+v", f)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(file, later, later); err != nil {
		t.Fatal(err)
	}
	if f := clock(dir); f.Level != Failure {
		t.Errorf("future file: %+v", f)
	}
}

func TestFFmpegMissing(t *testing.T) {
	list := ffmpeg(t.Context(), "/nonexistent/ffmpeg", "libx264")
	if len(list) != 1 || list[0].Level != Warning || !strings.Contains(list[0].Todo, "install") {
		t.Errorf("findings are %+v", list)
	}
}

func TestLists(t *testing.T) {
	table := " V....D libx264  libx264 H.264\n A....D aac  AAC\n"
	if !lists(table, "libx264") || !lists(table, "aac") || lists(table, "x264") {
		t.Error("the second column decides")
	}
}

func TestWriteReturnsTheWorst(t *testing.T) {
	var b strings.Builder
	worst := Write(&b, []Finding{{Check: "a"}, {Check: "b", Level: Failure, Text: "broken", Todo: "mend"}, {Check: "c", Level: Warning}})
	if worst != Failure || !strings.Contains(b.String(), "→ mend") {
		t.Errorf("%v: %s", worst, b.String())
	}
}
