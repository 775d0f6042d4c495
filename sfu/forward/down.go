package forward

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/rewrite"
	"github.com/meetcast/meetcast/sfu/track"
)

// codecs bounds the values of packet.Codec.
const codecs = 8

// Outlet is where a Down sends: what was negotiated for its m-line.
type Outlet struct {
	Writer Writer
	SSRC   uint32
	// RTX is the SSRC of the retransmission stream (RFC 4588), 0 for none.
	RTX uint32
	// Types and RTXTypes are the payload types by codec, 0 for what the
	// subscriber cannot receive.
	Types, RTXTypes [codecs]uint8
	// TransportCC is the id of the transport-wide congestion control header
	// extension, 0 for none.
	TransportCC uint8
	// DependencyDescriptor is the id of that header extension
	// (packet.DependencyDescriptorURI), 0 for none.
	DependencyDescriptor uint8
	// RED is the payload type of red/48000/2 (RFC 2198), 0 for none: Opus then
	// goes out with the packets before it.
	RED uint8
}

// DownConfig describes a slot.
type DownConfig struct {
	Kind track.Kind
	// Stamper numbers packets for congestion control; nil for none.
	Stamper Stamper
	// RTT is the round-trip time to the subscriber; nil when it is not known.
	RTT func() time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Down is one slot on its way out: it forwards one layer of the track bound to
// it and rewrites so that the subscriber sees a single stream. It implements
// track.DownTrack.
type Down struct {
	// Static after construction.
	cfg DownConfig

	// current is the source forwarded now, see sourceOf; 0 while nothing is.
	// target is the layer to forward, noLayer for none. Both are read without a
	// lock to turn away the packets of other layers.
	current atomic.Uint64
	target  atomic.Int32
	shown   atomic.Int32  // layer forwarded, while current is set
	waiting atomic.Uint64 // packets dropped before a key frame

	// binding serialises Bind and Close.
	binding sync.Mutex

	// mu guards the rest, and orders what is written.
	mu     sync.Mutex
	up     track.UpTrack // nil while nothing is bound
	size   track.Size
	out    Outlet
	open   bool
	closed bool
	header outHeader

	seq      rewrite.Seq
	time     rewrite.Timestamp
	pictures rewrite.Pictures
	filter   filter
	temporal uint8     // highest temporal layer wanted
	plain    bool      // sound goes without redundancy
	last     uint8     // payload type of the newest packet
	between  bool      // the newest packet ended a frame
	run      uint8     // packets of the current source so far, up to redDepth
	refused  int       // packets of the current source in a row that do not fit
	replayed bool      // the current source began in the cache and is still there
	epoch    uint16    // of the source that began last
	given    given     // what went out under which number
	asked    time.Time // when a key frame was last asked for
	seed     uint32    // first timestamp
	stats    DownStats
	rtx      retransmitter
}

var (
	_ track.DownTrack = (*Down)(nil)
	_ track.Wanter    = (*Down)(nil)
)

const (
	live    = 1 << 32
	noLayer = -1
)

// NewDown returns an empty slot that is not connected.
func NewDown(cfg DownConfig) *Down {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Down{cfg: cfg, seed: rand.Uint32(), temporal: packet.AllTemporal, between: true}
	d.seq.StartAt(firstNumber())
	d.rtx.init()
	d.target.Store(noLayer)
	return d
}

// firstNumber returns a random sequence number of the lower half: a receiver that
// missed the first packets could not tell how often a higher one had wrapped
// (RFC 3711 §3.3.1), and would decrypt nothing.
func firstNumber() uint16 { return uint16(rand.Uint32N(1 << 15)) }

// Open connects the slot to its transport. It may be called again after a
// renegotiation; numbering goes on.
func (d *Down) Open(o Outlet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out, d.open = o, o.Writer != nil
	if d.cfg.Stamper == nil {
		d.out.TransportCC = 0
	}
	if o.RTX == 0 {
		// What is repeated under its own number must be the same to the bit.
		d.out.DependencyDescriptor = 0
	}
	if !d.header.open(o.SSRC, d.out.TransportCC, d.out.DependencyDescriptor) {
		d.out.TransportCC = 0
	}
	if d.rtx.open(d.out); o.RTX == 0 {
		d.given.settle() // it went out as was negotiated then
	}
}

// Bind lets the slot carry up from its next key frame on, at a size; nil empties
// the slot. Binding the same track again only changes the size.
func (d *Down) Bind(up track.UpTrack, size track.Size) {
	d.binding.Lock()
	defer d.binding.Unlock()
	d.mu.Lock()
	old := d.up
	if d.closed || up == old {
		d.size = size
		d.mu.Unlock()
		return
	}
	d.release()
	d.mu.Unlock()
	if old != nil {
		old.Detach(d)
	}
	if up == nil {
		return
	}
	d.mu.Lock()
	d.up, d.size, d.stats.Source = up, size, up.Info().ID
	if d.cfg.Kind == track.Audio {
		d.target.Store(0)
	}
	d.mu.Unlock()
	up.Attach(d)
}

// release forgets what is bound. It needs d.mu.
func (d *Down) release() {
	d.up, d.size, d.stats.Source = nil, track.Size{}, ""
	d.current.Store(0)
	d.target.Store(noLayer)
}

// Close empties the slot for good.
func (d *Down) Close() {
	d.Bind(nil, track.Size{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.open, d.out.Writer = true, false, nil
}

// UpClosed implements track.DownTrack.
func (d *Down) UpClosed(id track.TrackID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up != nil && d.up.Info().ID == id {
		d.release()
	}
}

// Kind returns whether the slot carries sound or pictures.
func (d *Down) Kind() track.Kind { return d.cfg.Kind }

// Bound returns what the slot carries and at which size; nil when empty.
func (d *Down) Bound() (track.UpTrack, track.Size) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up, d.size
}

// Stamped tells whether the subscriber agreed to report on what arrives.
func (d *Down) Stamped() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.TransportCC != 0
}

// Layer returns the layer forwarded now, -1 for none.
func (d *Down) Layer() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current.Load() == 0 {
		return noLayer
	}
	return d.filter.layer
}

// PictureLoss takes the subscriber's request for a key frame.
func (d *Down) PictureLoss() {
	d.mu.Lock()
	d.stats.PLIs++
	up, layer := d.up, d.filter.layer
	if d.current.Load() == 0 {
		layer = int(d.target.Load())
	}
	d.mu.Unlock()
	if up != nil && layer >= 0 {
		up.RequestKeyFrame(layer)
	}
}

// Stats returns what happened so far.
func (d *Down) Stats() DownStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Layer, s.Temporal, s.Target = noLayer, noLayer, int(d.target.Load())
	if d.current.Load() != 0 {
		s.Layer, s.Temporal = d.filter.layer, int(d.filter.temporal)
	}
	s.Drops[DropWaiting] += d.waiting.Load()
	return s
}
