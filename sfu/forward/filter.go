package forward

import "github.com/meetcast/meetcast/sfu/packet"

// heldLimit is how many packets of a wanted temporal layer may go by before a key
// frame is asked for: an encoder that never marks where to begin one.
const heldLimit = 120

// filter decides which packets of the running source a slot takes: spatial and
// temporal layers. It is a plain value.
//
// Upper layers are left out at once, from the next picture on, as long as what
// remains was taken completely so far. That is not so for a lower spatial layer
// that was not needed (LxTy_KEY): it begins at a key frame like a higher one.
type filter struct {
	layer    int    // spatial layer that is forwarded, with all that it needs
	temporal uint8  // highest temporal layer that is forwarded
	intact   uint8  // spatial layers of which nothing was left out
	top      uint8  // highest spatial layer that the source sends
	layered  bool   // the source has spatial layers
	picture  uint32 // timestamp of the newest picture
	held     int    // packets left out that wait for a point to begin their layer
}

// begin starts with the first packet of a key frame.
func (f *filter) begin(p *packet.Packet, target int, temporal uint8) {
	*f = filter{picture: p.Header.Timestamp}
	f.key(p, target, temporal)
}

func (f *filter) key(p *packet.Packet, target int, temporal uint8) {
	f.layer, f.layered, f.top = p.Layer, p.Layered, p.Top
	if p.Layered {
		f.layer = max(0, min(target, int(p.Top)))
	}
	f.intact, f.temporal, f.held = 0xff, temporal, 0
}

// take tells whether a packet is forwarded when layer target and temporal layers
// up to temporal are wanted.
func (f *filter) take(p *packet.Packet, target int, temporal uint8) bool {
	if d := p.Header.Timestamp - f.picture; d < 1<<31 {
		if p.KeyFrame {
			f.key(p, target, temporal)
		}
		if d != 0 {
			f.picture = p.Header.Timestamp
			f.turn(p, target, temporal)
		}
	}
	if p.Layered && !f.takeSpatial(p, target) {
		return false
	}
	return f.takeTemporal(p, temporal)
}

// turn makes the changes that need no switch point, at the first packet of a
// picture.
func (f *filter) turn(p *packet.Packet, target int, temporal uint8) {
	f.layered, f.top = p.Layered, p.Top
	f.temporal = min(f.temporal, temporal)
	if want := f.want(target); p.Layered && want < f.layer && f.whole(want) {
		f.layer = want
	}
}

// want is the layer to have while only some are sent.
func (f *filter) want(target int) int { return max(0, min(target, int(f.top))) }

// whole tells whether a spatial layer can be decoded from what was taken.
func (f *filter) whole(layer int) bool { return f.intact>>layer&1 != 0 }

func (f *filter) takeSpatial(p *packet.Packet, target int) bool {
	s := p.Layer
	if p.Switch && s == f.layer+1 && s <= target && !p.KeyFrame && f.whole(f.layer) {
		f.layer = s
		f.intact |= 1 << s
	}
	if s > f.layer || p.Needed>>f.layer&1 == 0 {
		f.intact &^= 1 << s
		return false
	}
	return true
}

func (f *filter) takeTemporal(p *packet.Packet, temporal uint8) bool {
	if !p.Layered || p.Layer == f.layer {
		if p.Sync && p.Temporal <= temporal && p.Temporal > f.temporal {
			f.temporal, f.held = p.Temporal, 0
		}
		if up := min(p.UpTo, temporal); up > f.temporal && p.Temporal <= f.temporal {
			f.temporal, f.held = up, 0
		}
	}
	if p.Temporal <= f.temporal {
		return true
	}
	if p.Temporal <= temporal {
		f.held++
	}
	return false
}

// waits tells whether what is wanted needs a key frame.
func (f *filter) waits(target int) bool {
	if f.held > heldLimit {
		return true
	}
	if !f.layered {
		return f.layer != target
	}
	want := f.want(target)
	return want > f.layer || (want < f.layer && !f.whole(want))
}

// last tells whether the picture ends with a packet for this receiver although
// more of it follows for others.
func (f *filter) last(p *packet.Packet) bool {
	return p.Layered && p.FrameEnd && p.Layer == f.layer
}
