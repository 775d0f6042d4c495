package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// pollEvery is how often a condition that nobody announces is looked at.
const pollEvery = 50 * time.Millisecond

// Until polls a condition and fails the test when it does not hold in time. The
// last error says what was seen instead.
func Until(t testing.TB, timeout time.Duration, what string, ok func() error) {
	t.Helper()
	if err := until(timeout, ok); err != nil {
		t.Fatalf("%s: not within %v: %v", what, timeout, err)
	}
}

func until(timeout time.Duration, ok func() error) error {
	deadline := time.Now().Add(timeout)
	for {
		err := ok()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(pollEvery)
	}
}

// Ports that FreePort picks from lie below those that the system hands out by
// itself, so that no connection takes one before its server has started.
const (
	firstPort = 12_000
	pastPort  = 32_000
)

// FreePort returns a port that is free for TCP and UDP on all addresses now.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 50 {
		port := firstPort + rand.IntN(pastPort-firstPort)
		tcp, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		tcp.Close()
		if err == nil {
			udp.Close()
			return port
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return 0
}
