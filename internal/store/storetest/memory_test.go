package storetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/store"
	"github.com/meetcast/meetcast/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		m := storetest.NewMemory()
		t.Cleanup(func() { _ = m.Close() })
		return m
	})
}
