package room

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// counter is a Client that counts.
type counter struct{ n *atomic.Int64 }

func (c counter) Notify(Event) { c.n.Add(1) }

// BenchmarkJoinStorm lets 500 people with a camera and 25 slots join one room at
// once and leave again. It reports the events a member gets.
func BenchmarkJoinStorm(b *testing.B) {
	const people = 500
	var events atomic.Int64
	for b.Loop() {
		rooms := NewRooms(Config{MaxMembers: people})
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() {
				m, err := rooms.Join(context.Background(), "acme/all", Identity{Name: fmt.Sprint(i)}, counter{&events})
				if err != nil {
					b.Error(err)
					return
				}
				m.Publish(tracktest.NewUpTrack(track.Info{Member: m.ID(), Kind: track.Video, Source: track.Camera}))
				m.SetDown(&fakeDown{slots: slotsOf("aaavvvvvvvvvvvvvvvvvvvvvvvvv"), bound: map[string]string{}, sizes: map[string]track.Size{}})
			})
		}
		wg.Wait()
		rooms.Close()
	}
	b.ReportMetric(float64(events.Load())/float64(b.N*people), "events/member")
}
