package loadtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meetcast/meetcast/signaling/wire"
)

// broadcastTimeout is for the answers to a start and a stop.
const broadcastTimeout = 30 * time.Second

// Broadcast is what the viewers of one broadcast got.
type Broadcast struct {
	Room int `json:"room"`
	// Start: from asking for it to the first picture at a viewer; Accepted to
	// the server's word that it is live.
	Start    float64 `json:"start_ms"`
	Accepted float64 `json:"accepted_ms"`
	// Latency: from when the server says it took a fragment in to its arrival
	// over WebSocket. The way through the composer comes before it.
	LatencyP50 float64 `json:"latency_p50_ms"`
	LatencyP95 float64 `json:"latency_p95_ms"`
	Fragments  int     `json:"fragments"`
	// Gaps are jumps of the media time by more than 50 ms, LongestGap the
	// longest time without a fragment.
	Gaps       int     `json:"gaps"`
	LongestGap float64 `json:"longest_gap_ms"`
	// AVOffset is how far the ends of picture and sound were apart, in media
	// time, median over all fragments.
	AVOffset float64 `json:"av_offset_ms"`
	// The same broadcast as HLS: from asking for it to the first segment in the
	// playlist, segments fetched, requests that failed, and times for which the
	// playlist stood still for more than three segments.
	HLSStart    float64 `json:"hls_start_ms"`
	HLSSegments int     `json:"hls_segments"`
	HLSErrors   int     `json:"hls_errors"`
	HLSStalls   int     `json:"hls_stalls"`
	Error       string  `json:"error,omitempty"`
}

// String is a line for people.
func (b Broadcast) String() string {
	if b.Error != "" {
		return fmt.Sprintf("room %d: %s", b.Room, b.Error)
	}
	return fmt.Sprintf("room %d: first picture after %.0f ms, latency p50 %.0f ms, p95 %.0f ms, %d gaps, longest silence %.0f ms, A/V %.0f ms apart; HLS after %.0f ms, %d segments, %d errors, %d stalls",
		b.Room, b.Start, b.LatencyP50, b.LatencyP95, b.Gaps, b.LongestGap, b.AVOffset, b.HLSStart, b.HLSSegments, b.HLSErrors, b.HLSStalls)
}

// watching is the broadcasts under way.
type watching struct {
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	list []Broadcast
}

// watchBroadcasts starts them all at once and returns when each is live or has
// failed.
func (r *run) watchBroadcasts(ctx context.Context) *watching {
	ctx, cancel := context.WithCancel(ctx)
	w := &watching{stop: cancel}
	var started sync.WaitGroup
	for room := range r.cfg.Broadcasts {
		started.Add(1)
		w.wg.Go(func() {
			b := r.broadcast(ctx, room, sync.OnceFunc(started.Done))
			w.mu.Lock()
			w.list = append(w.list, b)
			w.mu.Unlock()
		})
	}
	if r.cfg.Broadcasts > 0 {
		r.show.step("Starting %d broadcasts …", r.cfg.Broadcasts)
	}
	started.Wait()
	return w
}

// end stops the broadcasts and returns what was seen of them.
func (w *watching) end() []Broadcast {
	w.stop()
	w.wg.Wait()
	slices.SortFunc(w.list, func(a, b Broadcast) int { return a.Room - b.Room })
	return w.list
}

// broadcast plays the moderator of one room and two of its viewers, until the
// context ends. started is called once it is clear how the start went.
func (r *run) broadcast(ctx context.Context, room int, started func()) Broadcast {
	defer started()
	b := Broadcast{Room: room + 1}
	i := slices.IndexFunc(r.members(), func(m *member) bool { return m.room == room })
	if i < 0 {
		b.Error = "nobody is in the room"
		return b
	}
	moderator := r.members()[i]
	base, err := playout(r.cfg.URL, moderator.State().Room.StreamName)
	if err != nil {
		b.Error = err.Error()
		return b
	}
	began := time.Now()
	eyes, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	pictures := newPictures(began)
	watching.Go(func() { pictures.watch(eyes, strings.Replace(base, "http", "ws", 1)+"/ws") })
	segments := newSegments(began)
	watching.Go(func() { segments.watch(eyes, base+"/hls/index.m3u8") })
	ask, stop := context.WithTimeout(ctx, broadcastTimeout)
	_, err = moderator.Broadcast(ask, wire.BroadcastStart{})
	stop()
	if err != nil {
		cancel()
		watching.Wait()
		b.Error = err.Error()
		return b
	}
	b.Accepted = millis(time.Since(began))
	select {
	case <-pictures.first:
	case <-time.After(broadcastTimeout):
	case <-ctx.Done():
	}
	started()
	<-ctx.Done()
	cancel()
	watching.Wait()
	ask, stop = context.WithTimeout(context.Background(), broadcastTimeout)
	defer stop()
	if _, err := moderator.StopBroadcast(ask); err != nil {
		b.Error = err.Error()
	}
	pictures.report(&b)
	segments.report(&b)
	if b.Fragments == 0 && b.Error == "" {
		b.Error = "live, but no viewer saw a picture"
	}
	return b
}

// playout is where a stream is watched.
func playout(server, name string) (string, error) {
	if name == "" {
		return "", errors.New("the room has no stream to broadcast to")
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("read server address: %w", err)
	}
	return u.JoinPath("playout", name).String(), nil
}
