package sfu

import (
	"errors"
	"io"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/forward"
)

// maxReadFailures is how many reads in a row may fail before a stream is given up.
const maxReadFailures = 100

// reader is the Read of a track, sender or receiver of pion.
type reader func([]byte) (int, attributes, error)

// read hands every packet of a stream to take until the stream or the peer ends.
// The buffer is used again for the next packet.
func (p *Peer) read(from reader, take func([]byte)) {
	buf := make([]byte, forward.MTU)
	for failures := 0; ; {
		n, _, err := from(buf)
		if err == nil {
			failures = 0
			take(buf[:n])
			continue
		}
		if failures++; ended(err) || p.lifetime.Err() != nil || failures > maxReadFailures {
			return
		}
	}
}

// readRTCP hands every RTCP packet of a stream to take, with the time it came.
func (p *Peer) readRTCP(from reader, take func(rtcp.Packet, time.Time)) {
	p.read(from, func(b []byte) {
		pkts, err := rtcp.Unmarshal(b)
		if err != nil {
			p.gone.malformedRTCP.Add(1)
			return
		}
		now := time.Now()
		for _, pkt := range pkts {
			take(pkt, now)
		}
	})
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, webrtc.ErrConnectionClosed)
}
