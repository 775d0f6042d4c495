// Package tests holds what concerns the whole tree.
package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/meetcast/meetcast/"

// ban forbids imports, with the reason that the failure prints.
type ban struct {
	from   []string // package path prefixes below the module
	except []string // of those, not these
	to     []string // what they must not import: prefixes, module ones start with "./"
	why    string
}

// harnesses are packages that only tests import.
var harnesses = []string{
	"tests", "internal/unittest", "internal/store/storetest", "internal/botclient/bottest",
	"egress/media/mediatest", "sfu/track/tracktest", "sfu/bwe/bwetest",
}

var bans = []ban{
	{
		from: []string{"sfu"}, to: []string{"./signaling", "./egress", "./auth", "./configs", "./internal/metrics", "./internal/app"},
		why: "the SFU knows nothing of those who use it",
	},
	{
		from: []string{"sfu/room", "egress"}, to: []string{"./sfu$", "github.com/pion/webrtc"},
		why: "rooms and broadcasts see members through sfu/track, so that a member need not be a PeerConnection",
	},
	{
		from: []string{"sfu"}, to: []string{"github.com/pion/webrtc", "github.com/pion/ice"},
		why: "the server has its own transport; only test clients are PeerConnections",
	},
	{
		from: []string{"signaling"}, to: []string{"./egress"},
		why: "signaling declares the broadcaster it needs; internal/app connects the two",
	},
	{
		from: []string{"egress"}, to: []string{"./signaling", "./auth"},
		why: "a broadcast is asked for by plain values, whoever asks",
	},
	{
		from: []string{""}, except: []string{"internal/app", "cmd", "tests", "configs"}, to: []string{"./configs"},
		why: "packages own their Config; only the assembly knows the file",
	},
	{
		from: []string{""}, except: []string{"cmd", "internal/app"}, to: []string{"./internal/app", "./cmd"},
		why: "imports point down",
	},
	{
		from: []string{""}, except: []string{"internal/app"}, to: []string{"./internal/metrics"},
		why: "packages expose plain Stats; the assembly shows them",
	},
	{
		from: []string{""}, except: harnesses, to: append(under(harnesses), "testing", "github.com/chromedp"),
		why: "test harnesses stay out of the product",
	},
}

// under turns paths below the module into import prefixes.
func under(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, "./"+p)
	}
	return out
}

type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, b := range bans {
			if !matches(from, b.from) || matches(from, b.except) {
				continue
			}
			for _, imp := range p.Imports {
				if forbidden(imp, b) {
					t.Errorf("%s must not import %s: %s", from, imp, b.why)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// matches tells whether a package is one of, or below one of, the prefixes.
func matches(path string, prefixes []string) bool {
	for _, pre := range prefixes {
		if pre == "" || path == pre || strings.HasPrefix(path, pre+"/") {
			return true
		}
	}
	return false
}

// forbidden tells whether a ban covers an import; "$" ends a package that is
// banned without those below it.
func forbidden(imp string, b ban) bool {
	for _, to := range b.to {
		to = strings.Replace(to, "./", module, 1)
		if exact, ok := strings.CutSuffix(to, "$"); ok {
			if imp == exact {
				return true
			}
			continue
		}
		if imp == to || strings.HasPrefix(imp, to+"/") {
			return true
		}
	}
	return false
}
