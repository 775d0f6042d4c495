package wire

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumented keeps docs/protocol.md complete: it names every type of
// message, code of an error and close code.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for _, typ := range typeConstants(t) {
		if !strings.Contains(doc, "\n| `"+typ+"` |") {
			t.Errorf("message type %q is not in a table", typ)
		}
	}
	for _, code := range []string{CodeBadRequest, CodeUnauthorized, CodeForbidden, CodeNotFound, CodeRate, CodeConflict,
		CodeDestination, CodeUnavailable, CodeInternal} {
		if !strings.Contains(doc, "\n| `"+code+"` |") {
			t.Errorf("error code %q is not in a table", code)
		}
	}
	for _, code := range []int{CloseBadMessage, CloseUnauthorized, CloseKicked, CloseGone, CloseTimeout, CloseReplaced,
		CloseRate, CloseInternal, CloseFull} {
		if !strings.Contains(doc, fmt.Sprintf("\n| %d |", code)) {
			t.Errorf("close code %d is not in a table", code)
		}
	}
	if !strings.Contains(doc, fmt.Sprintf("protocol, version %d\n", Version)) {
		t.Errorf("the document is not of version %d", Version)
	}
}
