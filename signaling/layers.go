package signaling

import (
	"slices"
	"sync"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// layers remembers which layers of a member's tracks are watched, so that a page
// that resumes is told again. Its lock is held while it tells, so that two
// changes cannot overtake each other.
type layers struct {
	send func(*ws.Message)

	mu     sync.Mutex
	wanted map[track.Source][]string // what was told; all layers of an absent source are wanted
}

func newLayers(send func(*ws.Message)) *layers {
	return &layers{send: send, wanted: make(map[track.Source][]string)}
}

// set notes the wanted layers of a source and tells the page.
func (l *layers) set(s track.Source, rids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, told := l.wanted[s]; told && slices.Equal(old, rids) {
		return
	}
	l.wanted[s] = slices.Clone(rids)
	l.send(layersMessage(s, rids))
}

// forget ends a track: of the next one of this source all layers are wanted.
func (l *layers) forget(s track.Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wanted, s)
}

// repeat tells all of it again.
func (l *layers) repeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, rids := range l.wanted {
		l.send(layersMessage(s, rids))
	}
}

func layersMessage(s track.Source, rids []string) *ws.Message {
	return ws.NewMessage(wire.Layers{Head: wire.Head{Type: wire.TypeLayers}, Source: string(s), Active: append([]string{}, rids...)})
}
