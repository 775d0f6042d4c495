package sfu

import (
	"slices"
	"sync/atomic"

	"github.com/meetcast/meetcast/sfu/forward"
)

// stream is one SSRC of the client: a layer of a published track, or the
// retransmissions of one (RFC 4588).
type stream struct {
	// Static after construction.
	ssrc uint32
	pub  *publication
	rid  string
	rtx  bool

	reception reception // of layers
	lane      atomic.Pointer[forward.Lane]

	payloadType atomic.Uint32 // of the newest packet that went to lane
}

func newStream(ssrc uint32, pub *publication, rid string, rtx bool) *stream {
	s := &stream{ssrc: ssrc, pub: pub, rid: rid, rtx: rtx}
	s.reception.rate = pub.line.Formats[0].ClockRate()
	return s
}

// streams is what is known of the client's SSRCs. It is replaced as a whole, so
// that packets are matched without a lock. Each layer has at most one stream and
// one of retransmissions, so that a client cannot make it grow.
type streams struct {
	ssrcs []uint32
	all   []*stream
}

// find returns the stream with an SSRC, nil when there is none.
func (t *streams) find(ssrc uint32) *stream {
	for i, s := range t.ssrcs {
		if s == ssrc {
			return t.all[i]
		}
	}
	return nil
}

// layer returns the stream of a layer or of its retransmissions.
func (t *streams) layer(pub *publication, rid string, rtx bool) *stream {
	for _, s := range t.all {
		if s.pub == pub && s.rid == rid && s.rtx == rtx {
			return s
		}
	}
	return nil
}

// with returns the table with a stream, which takes the place of the one that had
// its SSRC or its layer.
func (t *streams) with(s *stream) *streams {
	next := t.only(func(o *stream) bool {
		return o.ssrc != s.ssrc && (o.pub != s.pub || o.rid != s.rid || o.rtx != s.rtx)
	})
	next.ssrcs, next.all = append(next.ssrcs, s.ssrc), append(next.all, s)
	return next
}

// only returns the table with the streams that keep is true for.
func (t *streams) only(keep func(*stream) bool) *streams {
	next := &streams{}
	for _, s := range t.all {
		if keep(s) {
			next.ssrcs, next.all = append(next.ssrcs, s.ssrc), append(next.all, s)
		}
	}
	return next
}

// of returns the table with the streams of these publications.
func (t *streams) of(pubs []*publication) *streams {
	return t.only(func(s *stream) bool { return slices.Contains(pubs, s.pub) })
}
