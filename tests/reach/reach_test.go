// Package reach proves the ways by which media gets from a browser to the
// server: UDP, TCP, the relay over UDP, TCP and TLS, IPv6, through address
// translation and firewalls; and that Firefox meets Chromium.
package reach

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// patience is how long a test waits for a state that should come within some
// seconds; the machine may be busy with several browsers.
const patience = 45 * time.Second

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

var annCamera = testkit.Camera{Colour: testkit.Red, FirstCode: 0}

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

// insertQuery adds a parameter to the link of a room.
func insertQuery(url, parameter string) string {
	return strings.Replace(url, "?jwt=", "?"+parameter+"&jwt=", 1)
}
