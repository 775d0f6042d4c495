package store

import "testing"

// TestSync looks at what the server runs with: kill -9 alone, which the other
// tests use, would not show a missing sync, because the kernel still has the
// data; a power cut would.
func TestSync(t *testing.T) {
	e, err := startEmbedded(Config{Dir: t.TempDir()}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	js := e.srv.JetStreamConfig()
	if js == nil || !js.SyncAlways {
		t.Errorf("jetstream runs with %+v, want SyncAlways", js)
	}
	if addr := e.srv.Addr(); addr != nil {
		t.Errorf("the embedded server listens on %v", addr)
	}
}
