package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/internal/metrics"
)

func TestHandler(t *testing.T) {
	h := metrics.Handler(func(emit func(metrics.Sample)) {
		emit(metrics.Sample{Name: "rooms", Help: "Rooms open.", Value: 3})
		for _, reason := range []string{"late", "codec"} {
			emit(metrics.Sample{Name: "drops_total", Help: "Drops.", Value: 7, Labels: [][2]string{{"reason", reason}}})
		}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		"# TYPE meetcast_rooms gauge", "meetcast_rooms 3",
		"# TYPE meetcast_drops_total counter", `meetcast_drops_total{reason="late"} 7`, "go_goroutines",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
}
