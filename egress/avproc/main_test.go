package avproc

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(orphanEnv) != "" {
		beParent()
	}
	goleak.VerifyTestMain(m)
}
