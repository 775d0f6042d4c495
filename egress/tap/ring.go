package tap

import "github.com/meetcast/meetcast/egress/media"

const (
	ringLen = media.SampleRate // samples: one second
	fadeLen = 240              // 5 ms
)

// ring holds the decoded sound of one voice by its position on the RTP clock,
// which for Opus counts samples at 48 kHz. What was never received is silence;
// the edges of gaps are faded, so that a lost packet does not click.
type ring struct {
	buf   [ringLen * media.Channels]float32
	begun bool
	end   int64 // position after the last received sample
	tail  int64 // end of the fade-out written behind it
}

func (r *ring) at(pos int64) int { return int(pos%ringLen) * media.Channels }

// write puts samples at a position. Sound from the past is dropped.
func (r *ring) write(pos int64, pcm []float32) {
	n := int64(len(pcm) / media.Channels)
	if !r.begun || pos > r.end+ringLen || pos < r.end-10*ringLen {
		r.begun, r.end, r.tail = true, pos-1, pos-1
		clear(r.buf[:])
	}
	if pos < r.end || n > ringLen/2 {
		return
	}
	gap := pos > r.end
	for p := r.tail; p < pos; p++ { // what lies between was left from a second ago
		i := r.at(p)
		r.buf[i], r.buf[i+1] = 0, 0
	}
	for k := range n {
		g := float32(1)
		if gap && k < fadeLen {
			g = float32(k) / fadeLen
		}
		i := r.at(pos + k)
		r.buf[i], r.buf[i+1] = pcm[2*k]*g, pcm[2*k+1]*g
	}
	r.end = pos + n
	r.fadeOut()
}

// fadeOut continues the sound by its mirror image, fading: the next packet
// overwrites that, and when it does not come there is no click.
func (r *ring) fadeOut() {
	for k := range int64(fadeLen) {
		g := 1 - float32(k+1)/fadeLen
		from, to := r.at(r.end-1-k), r.at(r.end+k)
		r.buf[to], r.buf[to+1] = r.buf[from]*g, r.buf[from+1]*g
	}
	r.tail = r.end + fadeLen
}

// sample returns the sound at a position, silence where there is none.
func (r *ring) sample(pos int64) (left, right float32) {
	if pos >= r.tail || pos < r.end-ringLen+fadeLen || !r.begun {
		return 0, 0
	}
	i := r.at(pos)
	return r.buf[i], r.buf[i+1]
}

// covers tells whether anything can be heard between two positions.
func (r *ring) covers(from, to int64) bool {
	return r.begun && from < r.tail && to > r.end-ringLen+fadeLen
}
