package traces

import (
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// meeting is a trace of the control loop: cameras and a microphone on good paths,
// and a viewer behind a bad one.
type meeting struct {
	*loop
	cameras    []*camera
	microphone *microphone
	viewer     *viewer
	down, up   *netsim.Link
}

// setup says what a meeting is like.
type setup struct {
	down, up           netsim.Path // the viewer's
	uplink, uplinkBack netsim.Path // the publishers'; 10 ms when zero
	cameras            int
	width, height      int   // of each picture
	redUp, redDown     bool  // whether sound has redundancy
	layers             []int // bit/s, instead of the usual
}

func (s setup) begin() *meeting {
	near := netsim.Path{Delay: 10 * time.Millisecond}
	if s.uplink.Delay == 0 {
		s.uplink, s.uplinkBack = near, near
	}
	m := &meeting{loop: &loop{}, down: netsim.NewLink(s.down), up: netsim.NewLink(s.up)}
	m.viewer = newViewer(m.loop, m.down, m.up)
	for i := range s.cameras {
		layers := threeLayers()
		for j, rate := range s.layers {
			layers[j].rate = rate
		}
		c := newCamera(m.loop, i, netsim.NewLink(s.uplink), netsim.NewLink(s.uplinkBack), layers...)
		c.rtt = s.uplink.Delay + s.uplinkBack.Delay + (s.uplink.Jitter+s.uplinkBack.Jitter)/2
		m.cameras = append(m.cameras, c)
		m.viewer.watch(c, s.width, s.height)
	}
	m.microphone = newMicrophone(m.loop, netsim.NewLink(s.uplink), s.redUp)
	m.viewer.listen(m.microphone, s.redDown)
	return m
}
