package forward

// givenKept is how many of a slot's newest sequence numbers are known: more than
// the packets of a source that are kept to be sent again, and than come late.
const givenKept = 1024

// given knows what went out under the newest sequence numbers of a slot. Two
// packets that differ must never have one number: with AES-GCM they would tell the
// key of their authentication (RFC 7714 §8.4), whatever numbers a publisher makes
// up. It is a plain value.
type given struct {
	started bool
	highest uint16
	sent    [givenKept / 64]uint64 // by number, a ring: something went out
	media   [givenKept / 64]uint64 // and it was a packet of the source
}

// take gives a number out, once; false when it was given before or is too old to
// tell. media says that it is for a packet of the source, which may go out again.
func (g *given) take(seq uint16, media bool) bool {
	switch {
	case !g.started:
		g.started, g.highest = true, seq
		for i := range g.sent {
			g.sent[i] = ^uint64(0) // nothing before it is ours to give
		}
	case newer(seq, g.highest):
		if seq-g.highest >= givenKept {
			g.sent = [givenKept / 64]uint64{}
		} else {
			for s := g.highest + 1; s != seq; s++ {
				g.sent[s%givenKept/64] &^= 1 << (s % 64)
			}
		}
		g.highest = seq
	case g.highest-seq >= givenKept || g.sent[seq%givenKept/64]>>(seq%64)&1 != 0:
		return false
	}
	word, bit := &g.media[seq%givenKept/64], uint64(1)<<(seq%64)
	g.sent[seq%givenKept/64] |= bit
	*word &^= bit
	if media {
		*word |= bit
	}
	return true
}

// again tells whether a packet of the source went out under a number.
func (g *given) again(seq uint16) bool {
	i := seq % givenKept / 64
	return g.started && g.highest-seq < givenKept && g.sent[i]&g.media[i]>>(seq%64)&1 != 0
}

// settle ends the repetition of what went out so far.
func (g *given) settle() { g.media = [givenKept / 64]uint64{} }
