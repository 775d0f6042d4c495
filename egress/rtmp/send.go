package rtmp

import (
	"errors"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp/flv"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

// checkEvery is how often a session looks whether the peer takes bytes: often
// before it is live, since the starter waits for that.
const (
	checkEvery     = 500 * time.Millisecond
	checkEveryAtGo = 10 * time.Millisecond
)

// sender is the sending half of a session.
type sender struct {
	*session
	params *media.Params // headers sent for these

	firstTaken int64 // wire bytes after which the first key picture is out; 0 = not sent
	progress   progress
}

// sendLoop moves samples from the queue to the connection until the queue is
// closed and empty (nil), or something breaks.
func (s *session) sendLoop() *Error {
	q := s.p.queue
	// The first message must be a key picture with the headers before it.
	s.p.countOffline(q.SkipToEntry())
	snd := &sender{session: s}
	tick := time.NewTicker(checkEveryAtGo)
	defer tick.Stop()
	for {
		for {
			item, ok := q.TryPop()
			if !ok {
				break
			}
			if err := snd.send(item); err != nil {
				return s.sendError(err)
			}
			if err := snd.check(tick, time.Now()); err != nil {
				return err
			}
		}
		if q.Closed() {
			s.farewell()
			return nil
		}
		select {
		case <-q.Wake():
		case <-s.readDone:
			return s.readErr
		case <-s.p.hard.Done():
			return nil
		case now := <-tick.C:
			if err := snd.check(tick, now); err != nil {
				return err
			}
		}
	}
}

func (p *Push) countOffline(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Stats.Offline += uint64(n)
}

func (s *session) sendError(err error) *Error {
	kind := classifyIO(err)
	switch {
	case errors.Is(err, flv.ErrMalformed):
		kind = KindInternal
	case kind == KindTimeout:
		kind = KindStalled
	case kind == KindClosed:
		kind = KindReset
	}
	return s.p.target.errorf(kind, err, "")
}

// send writes one sample, and before it the headers when they are new to this
// connection.
func (s *sender) send(item queued) error {
	if item.params != s.params {
		if err := s.headers(item); err != nil {
			return err
		}
		s.params = item.params
	}
	m, err := frame(item.sample)
	if err != nil {
		return err
	}
	m.StreamID = s.streamID
	if err := s.conn.WriteMessage(m); err != nil {
		return err
	}
	s.p.mu.Lock()
	s.p.status.Stats.Samples++
	s.p.status.Stats.Bytes += uint64(len(m.Body))
	s.p.mu.Unlock()
	if s.firstTaken == 0 {
		s.firstTaken = s.wire.written.Load()
	}
	return nil
}

// millis rounds media time to RTMP's clock; it wraps after 49 days as §5.1 has
// it. Each time is rounded by itself, so nothing adds up.
func millis(d time.Duration) uint32 { return uint32(d.Round(time.Millisecond) / time.Millisecond) }

func frame(s media.Sample) (proto.Message, error) {
	m := proto.Message{Timestamp: millis(s.DTS)}
	var err error
	if s.Kind == media.Audio {
		m.ChunkStream, m.Type = proto.ChunkStreamAudio, proto.TypeAudio
		m.Body, err = flv.AudioFrame(s.Data)
		return m, err
	}
	m.ChunkStream, m.Type = proto.ChunkStreamVideo, proto.TypeVideo
	m.Body, err = flv.VideoFrame(s.Data, s.Key, int32(millis(s.PTS)-millis(s.DTS)))
	return m, err
}

// headers sends onMetaData and the sequence headers.
func (s *sender) headers(item queued) error {
	body, err := proto.Command{Name: "@setDataFrame", Args: []any{"onMetaData", s.p.metadata(item.params)}}.Data()
	if err != nil {
		return err
	}
	stamp := millis(item.sample.DTS)
	messages := []proto.Message{{ChunkStream: proto.ChunkStreamData, Type: proto.TypeDataAMF0, Body: body}}
	if v := item.params.Video; v != nil {
		body, err := flv.VideoHeader(v)
		if err != nil {
			return err
		}
		messages = append(messages, proto.Message{ChunkStream: proto.ChunkStreamVideo, Type: proto.TypeVideo, Body: body})
	}
	if a := item.params.Audio; a != nil {
		body, err := flv.AudioHeader(a)
		if err != nil {
			return err
		}
		messages = append(messages, proto.Message{ChunkStream: proto.ChunkStreamAudio, Type: proto.TypeAudio, Body: body})
	}
	for _, m := range messages {
		m.StreamID, m.Timestamp = s.streamID, stamp
		if err := s.conn.WriteMessage(m); err != nil {
			return err
		}
	}
	return nil
}

// MetaEpoch is the name under which our pushes put the wall time of media time
// 0 into onMetaData, Unix milliseconds.
const MetaEpoch = "meetcastEpoch"

// metadata describes the programme the way servers and players expect it,
// FLV §E.5.
func (p *Push) metadata(params *media.Params) proto.ECMAArray {
	m := proto.ECMAArray{"encoder": "Meetcast"}
	if v := params.Video; v != nil {
		m["videocodecid"] = 7
		m["width"], m["height"], m["framerate"] = v.Width, v.Height, v.FPS
	}
	if a := params.Audio; a != nil {
		m["audiocodecid"] = 10
		m["audiosamplerate"], m["audiosamplesize"], m["audiochannels"] = a.SampleRate, 16, a.Channels
		m["stereo"] = a.Channels > 1
	}
	if p.cfg.Epoch != nil {
		if t, ok := p.cfg.Epoch(); ok {
			m[MetaEpoch] = t.UnixMilli()
		}
	}
	return m
}

// farewellTimeout is how long Close waits for the server to hang up.
const farewellTimeout = 500 * time.Millisecond

// farewell ends the stream and gives the server a moment to hang up: a
// connection closed over unread answers would be reset, and what the server has
// not read yet would be lost.
func (s *session) farewell() {
	for _, c := range []proto.Command{
		{Name: "FCUnpublish", Transaction: 6, Args: []any{nil, s.p.target.Key}},
		{Name: "deleteStream", Transaction: 7, Args: []any{nil, s.streamID}},
	} {
		if err := s.conn.WriteCommand(0, c); err != nil {
			return
		}
	}
	if w, ok := s.wire.Conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	timer := time.NewTimer(farewellTimeout)
	defer timer.Stop()
	select {
	case <-s.readDone:
	case <-timer.C:
	case <-s.p.hard.Done():
	}
}

// check notices the moment of going live, and a peer that stopped taking bytes.
func (s *sender) check(tick *time.Ticker, now time.Time) *Error {
	taken, written := s.wire.taken(), s.wire.written.Load()
	if s.live.IsZero() && s.firstTaken > 0 && taken >= s.firstTaken {
		s.live = now
		tick.Reset(checkEvery)
		s.p.change(func(st *Status) { st.State, st.Reason = Live, nil })
		s.p.log.Info("push live")
	}
	s.p.mu.Lock()
	s.p.status.Stats.Unacked = int(written - taken)
	s.p.mu.Unlock()
	acked, told := s.conn.Acked()
	if s.progress.stalled(now, s.p.cfg.StallTimeout, taken, written, acked, told, s.conn.BytesSent()) {
		return s.p.target.errorf(KindStalled, nil, "")
	}
	return nil
}

// progress notices a peer that takes nothing. The kernel buffers seconds of
// media on both sides, so a write that succeeds proves little.
type progress struct {
	taken   int64
	takenAt time.Time

	acked   uint32
	ackedAt time.Time
	sentAt  uint64 // bytes sent when the last acknowledgement came
}

// stalled reports whether the peer's TCP has acknowledged nothing of what is
// outstanding for limit, or a server that used to acknowledge in RTMP has not
// done so for limit and for more than two windows.
func (p *progress) stalled(now time.Time, limit time.Duration, taken, written int64, acked uint32, told bool, sent uint64) bool {
	if taken != p.taken || written == taken || p.takenAt.IsZero() {
		p.taken, p.takenAt = taken, now
	}
	if acked != p.acked || !told || p.ackedAt.IsZero() {
		p.acked, p.ackedAt, p.sentAt = acked, now, sent
	}
	if now.Sub(p.takenAt) >= limit {
		return true
	}
	return told && now.Sub(p.ackedAt) >= limit && sent-p.sentAt > 3*ackWindow
}
