package reach

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// doctor runs `meetcast doctor` and returns what it prints and whether it found
// nothing necessary missing.
func doctor(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, testkit.Binary(t), append([]string{"doctor"}, args...)...).CombinedOutput()
	t.Logf("doctor %s:\n%s", args[0], out)
	return string(out), err == nil
}

// mustSay checks lines of the doctor: "level check" each.
func mustSay(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		level, check, _ := strings.Cut(want, " ")
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.HasPrefix(line, level) && strings.HasPrefix(strings.TrimSpace(line[4:]), check+"  ")
		}
		if !found {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel() // it mostly waits for what does not answer
	server := testkit.StartServer(t, testkit.ServerOptions{TLS: testkit.NewCertificate(t, "localhost")})
	room := server.CreateRoom(t, "health")
	out, ok := doctor(t, server.URL, "--token", room.Token, "--insecure")
	if !ok {
		t.Error("a healthy server is found ill")
	}
	mustSay(t, out, "ok pages", "ok clock", "warn certificate", "ok signaling", "ok media UDP", "ok media TCP",
		"ok relay UDP", "ok relay TCP", "ok relay TLS")
	if n := strings.Count(out, "ok    relay TLS"); n != 2 {
		t.Errorf("TLS is tried %d times: on its own port, and on that of the pages", n)
	}

	out, ok = doctor(t, server.URL, "--insecure", "--media-port", fmt.Sprint(server.RTCPort), "--turn-port", fmt.Sprint(testkit.FreePort(t)))
	if !ok {
		t.Error("without a token it is found ill")
	}
	mustSay(t, out, "ok media UDP", "ok media TCP", "warn relay UDP") // the test's relay is elsewhere

	if out, ok = doctor(t, server.URL); ok || !strings.Contains(out, "certificate") {
		t.Error("a certificate that nobody trusts is fine")
	}
	if out, ok = doctor(t, server.URL, "--insecure", "--token", "nonsense"); ok {
		t.Error("a wrong token is fine")
	}
	mustSay(t, out, "FAIL signaling")
}

// TestDoctorFindsTheWrongAddress: a server that tells browsers an address where it
// is not, without a relay.
func TestDoctorFindsTheWrongAddress(t *testing.T) {
	t.Parallel() // it mostly waits for what does not answer
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_RTC_ADVERTISED_IPS": nowhere, "MEETCAST_RTC_LOOPBACK": "false", "MEETCAST_TURN_ENABLED": "false",
	}})
	room := server.CreateRoom(t, "nowhere")
	out, ok := doctor(t, server.URL, "--token", room.Token)
	if ok {
		t.Error("it is found healthy")
	}
	mustSay(t, out, "ok signaling", "FAIL media UDP", "FAIL media TCP", "warn relay")
	for _, want := range []string{nowhere, fmt.Sprintf("UDP port %d", server.RTCPort), "turn.enabled"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
