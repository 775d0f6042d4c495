package forward

import (
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// maxTemporal bounds the temporal layers that are measured; what is above
	// counts as the highest.
	maxTemporal = 4
	// topWait is for how long a spatial layer that stopped counts as sent: longer
	// than the pause between pictures, shorter than anybody likes to see none.
	topWait = 500 * time.Millisecond
)

// spatial knows which spatial layers a source sends now, under Lane.mu.
type spatial struct {
	count int // layers seen so far
	// apart tells that upper layers of VP9 refer to lower ones in key pictures
	// only (LxTy_KEY), or never.
	apart bool
	seen  [MaxLayers]time.Time
}

// place finds out of which layer a packet is.
func (l *Lane) place(p *packet.Packet, now time.Time) {
	if l.ring == nil || len(p.Payload) == 0 {
		p.Dependency.Raw = nil
		return
	}
	described := false
	if p.Dependency.Raw != nil {
		// What is not understood is not passed on: receivers would wait for it.
		if described = l.depends.Read(p) == nil; !described {
			p.Dependency = packet.Dependency{}
		}
	}
	if !l.alone || !p.Layered {
		p.Layered = false
		return
	}
	s := &l.spatial
	s.count = max(s.count, min(max(len(p.Sizes), int(p.Spatial)+1), MaxLayers))
	if s.count < 2 {
		p.Layered = false
		return
	}
	p.Layer = int(p.Spatial)
	for i := range min(len(p.Sizes), MaxLayers) {
		s.seen[i] = now
	}
	if p.Layer < MaxLayers {
		s.seen[p.Layer] = now
	}
	if described {
		p.Top = min(p.Top, MaxLayers-1)
		return
	}
	if p.Layer > 0 && !p.Switch {
		s.apart = !p.Descriptor.InterLayer
	}
	if !s.apart {
		// That nothing above refers to the frame may mean that nothing is above it
		// any more: whoever wants more gets it then.
		p.Needed = 0xff << p.Spatial
	}
	p.Top = 0
	for i := range s.count {
		if now.Sub(s.seen[i]) < topWait {
			p.Top = uint8(i)
		}
	}
}

// measured is what is known of one layer, under Lane.stat.
type measured struct {
	size  track.Size
	last  time.Time // newest packet of the layer itself
	kept  int       // bitrate before the layer was paused, bit/s
	rates []meter   // of what its receivers are sent, by temporal layer
}

// rate returns what its receivers are sent up to a temporal layer, bit/s.
func (m *measured) rate(now time.Time, temporal int) (sum int) {
	for i := range m.rates[:min(temporal+1, len(m.rates))] {
		sum += m.rates[i].rate(now)
	}
	return sum
}

// measure counts a packet and notes the sizes that it tells; it tells whether one
// has changed. It needs Lane.stat.
func (l *Lane) measure(p *packet.Packet, now time.Time, bytes int) (resized bool) {
	if p.Layered {
		for len(l.layers) < l.spatial.count {
			l.layers = append(l.layers, measured{})
		}
	}
	temporal := min(int(p.Temporal), maxTemporal-1)
	for i := range l.layers {
		m := &l.layers[i]
		if p.Layered && p.Needed>>i&1 == 0 {
			continue
		}
		for len(m.rates) <= temporal {
			m.rates = append(m.rates, meter{})
		}
		m.rates[temporal].add(now, bytes)
		if !p.Layered || p.Layer == i {
			m.last = now
		}
		if p.Layered && i < len(p.Sizes) {
			resized = m.resize(p.Sizes[i]) || resized
		}
	}
	if p.KeyFrame && !p.Layered {
		resized = l.layers[0].resize(packet.Size{Width: p.Width, Height: p.Height})
	}
	return resized
}

func (m *measured) resize(s packet.Size) bool {
	if s.Width == 0 || track.Size(s) == m.size {
		return false
	}
	m.size = track.Size(s)
	return true
}

// views returns the lane's layers.
func (l *Lane) views(now time.Time) []track.Layer {
	l.stat.Lock()
	defer l.stat.Unlock()
	paused, hoped := l.demand.paused, l.demand.hoped(now)
	views := make([]track.Layer, len(l.layers))
	for i := range l.layers {
		m := &l.layers[i]
		v := track.Layer{Index: int(l.index.Load()) + i, RID: l.rid, Size: m.size, Bitrate: m.rate(now, maxTemporal), Paused: paused}
		flows := !m.last.IsZero() && now.Sub(m.last) < time.Second
		v.Active = flows || paused || hoped
		if !flows && v.Active {
			v.Bitrate = m.kept
		}
		if len(m.rates) > 1 && flows {
			v.Temporal = make([]int, len(m.rates))
			for t := range v.Temporal {
				v.Temporal[t] = m.rate(now, t)
			}
		}
		views[i] = v
	}
	return views
}

// area is the size of the largest layer, square pixels, 0 while not known.
func (l *Lane) area() int {
	l.stat.Lock()
	defer l.stat.Unlock()
	s := l.layers[len(l.layers)-1].size
	return s.Width * s.Height
}
