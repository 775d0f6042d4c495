package botclient

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
)

// maxRoutes bounds the streams a bot knows; a server has no reason to send more.
const maxRoutes = 1024

// route leads from a stream to the slot it belongs to.
type route struct {
	receiver *receiver
	repair   bool // the retransmissions of the slot
}

// routes finds the slot of a packet by its SSRC. The answer names them; a stream
// it does not name tells its m-line in the mid extension.
type routes struct {
	table atomic.Pointer[map[uint32]route] // replaced, never changed

	mu    sync.Mutex // serialises changes
	mids  map[string]*receiver
	midID uint8
}

func (t *routes) find(h *rtp.Header) (route, bool) {
	if table := t.table.Load(); table != nil {
		if to, ok := (*table)[h.SSRC]; ok {
			return to, true
		}
	}
	return t.learn(h)
}

func (t *routes) learn(h *rtp.Header) (route, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.mids[string(h.GetExtension(t.midID))]
	if !ok || t.midID == 0 {
		return route{}, false
	}
	to := route{receiver: r, repair: isRepair(h.PayloadType)}
	if !to.repair {
		r.setStream(h.SSRC)
	}
	t.addLocked(h.SSRC, to)
	return to, true
}

// add ties streams to a slot.
func (t *routes) add(ssrc uint32, to route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addLocked(ssrc, to)
}

func (t *routes) addLocked(ssrc uint32, to route) {
	table := map[uint32]route{}
	if old := t.table.Load(); old != nil && len(*old) < maxRoutes {
		table = maps.Clone(*old)
	}
	table[ssrc] = to
	t.table.Store(&table)
}

// line ties an m-line to a slot.
func (t *routes) line(mid string, r *receiver, midID uint8) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mids == nil {
		t.mids = map[string]*receiver{}
	}
	t.mids[mid] = r
	if midID != 0 {
		t.midID = midID
	}
}

// bySSRC returns the slot that a stream fills.
func (t *routes) bySSRC(ssrc uint32) (*receiver, bool) {
	if table := t.table.Load(); table != nil {
		to, ok := (*table)[ssrc]
		return to.receiver, ok && !to.repair
	}
	return nil, false
}
