package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/internal/keyqueue"
)

// Subprotocol of the playout WebSocket.
const Subprotocol = "meetcast.playout.v1"

const (
	// A viewer that is further behind gets the next key picture instead.
	viewerSpan  = 3 * time.Second
	viewerBytes = 12 << 20

	viewerWriteTimeout = 10 * time.Second
	viewerPing         = 15 * time.Second
	viewerSilence      = 45 * time.Second
	viewerMessage      = 1024 // bytes a player may send at once
	clockEvery         = time.Second
	pongQueue          = 4
)

// viewer is one WebSocket.
type viewer struct {
	p       *programme
	ws      *websocket.Conn
	queue   *keyqueue.Queue[*fragment]
	backlog []*fragment // the picture group at the time of joining
	ctx     context.Context
	cancel  context.CancelFunc
	pongs   chan json.RawMessage // the "t" of pings to answer
	reader  sync.WaitGroup

	gen     *generation // last sent
	offline bool        // last said
}

var upgrader = websocket.Upgrader{
	Subprotocols:    []string{Subprotocol},
	ReadBufferSize:  1024,
	WriteBufferSize: 4096,
	WriteBufferPool: &sync.Pool{},
	// Playout is public and uses no cookies: any page may embed it.
	CheckOrigin: func(*http.Request) bool { return true },
}

// watch serves a WebSocket until the viewer goes.
func (h *Hub) watch(w http.ResponseWriter, r *http.Request, name string) {
	h.mu.Lock()
	if h.closed || (h.cfg.MaxViewers > 0 && h.viewers >= h.cfg.MaxViewers) {
		h.mu.Unlock()
		httpjson.Error(w, http.StatusServiceUnavailable, "too many viewers", "This server cannot take more viewers now. Try again later.")
		return
	}
	h.viewers++
	h.wg.Add(1)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.viewers--
		h.mu.Unlock()
		h.wg.Done()
	}()
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	v := &viewer{ws: ws, pongs: make(chan json.RawMessage, pongQueue),
		queue: keyqueue.New[*fragment](keyqueue.Limits{Span: viewerSpan, Bytes: viewerBytes})}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	defer v.cancel()
	if !h.join(name, v) {
		_ = ws.Close()
		return
	}
	defer v.p.leave(v)
	v.run()
}

func (h *Hub) join(name string, v *viewer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	v.p = h.getLocked(name)
	v.p.join(v)
	return true
}

// push is called with the programme locked; it does not block.
func (v *viewer) push(f *fragment) {
	v.queue.Push(f, keyqueue.Meta{Entry: f.key, Bytes: f.size, At: f.at})
}

func (v *viewer) run() {
	// A viewer that takes nothing must not hold up the end for long.
	stop := context.AfterFunc(v.ctx, func() { _ = v.ws.NetConn().SetDeadline(time.Now().Add(time.Second)) })
	defer stop()
	v.reader.Add(1)
	go v.readLoop()
	err := v.writeLoop()
	code, text := websocket.CloseGoingAway, ""
	if err != nil && !errors.Is(err, context.Canceled) {
		code, text = websocket.CloseInternalServerErr, "playout failed"
	}
	_ = v.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	_ = v.ws.Close()
	v.reader.Wait()
}

// readLoop takes pings, and notices when the viewer has gone.
func (v *viewer) readLoop() {
	defer v.reader.Done()
	defer v.cancel()
	v.ws.SetReadLimit(viewerMessage)
	alive := func(string) error { return v.ws.SetReadDeadline(time.Now().Add(viewerSilence)) }
	v.ws.SetPongHandler(alive)
	_ = alive("")
	for {
		kind, data, err := v.ws.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		var msg struct {
			Type string          `json:"type"`
			T    json.RawMessage `json:"t"`
		}
		if kind != websocket.TextMessage || json.Unmarshal(data, &msg) != nil || msg.Type != "ping" {
			continue // a newer player may say more than we know
		}
		select {
		case v.pongs <- msg.T:
		default: // it asks faster than it listens
		}
	}
}

// writeLoop sends until the viewer or the hub goes.
func (v *viewer) writeLoop() error {
	for _, f := range v.backlog {
		if err := v.send(f); err != nil {
			return err
		}
	}
	v.backlog = nil
	if err := v.sendClock(); err != nil {
		return err
	}
	clock, ping := time.NewTicker(clockEvery), time.NewTicker(viewerPing)
	defer clock.Stop()
	defer ping.Stop()
	for {
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if f, ok := v.queue.TryPop(); ok {
			if err := v.send(f); err != nil {
				return err
			}
			continue
		}
		var err error
		select {
		case <-v.queue.Wake():
		case t := <-v.pongs:
			err = v.sendPong(t)
		case <-clock.C:
			err = v.sendClock()
		case <-ping.C:
			err = v.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(viewerWriteTimeout))
		case <-v.ctx.Done():
		}
		if err != nil {
			return err
		}
	}
}

// send sends a fragment, and before it the init segment when that is new.
func (v *viewer) send(f *fragment) error {
	if f.gen == nil {
		v.gen, v.offline = nil, true
		return v.write(websocket.TextMessage, []byte(`{"type":"offline"}`))
	}
	if f.gen != v.gen {
		for _, m := range []*websocket.PreparedMessage{f.gen.text, f.gen.init} {
			if err := v.writePrepared(m); err != nil {
				return err
			}
		}
		v.gen, v.offline = f.gen, false
	}
	return v.writePrepared(f.data)
}

func (v *viewer) sendClock() error {
	if v.gen == nil {
		return nil
	}
	m, at, ok := v.p.now()
	if !ok {
		return nil
	}
	text, err := json.Marshal(struct {
		Type  string  `json:"type"`
		Media float64 `json:"media"`
		At    int64   `json:"at"`
	}{"clock", float64(m.Milliseconds()) / 1000, at.UnixMilli()})
	if err != nil {
		return err
	}
	return v.write(websocket.TextMessage, text)
}

func (v *viewer) sendPong(t json.RawMessage) error {
	if len(t) == 0 {
		t = json.RawMessage("null")
	}
	text, err := json.Marshal(struct {
		Type string          `json:"type"`
		T    json.RawMessage `json:"t"`
		At   int64           `json:"at"`
	}{"pong", t, time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	return v.write(websocket.TextMessage, text)
}

func (v *viewer) write(kind int, data []byte) error {
	if err := v.ws.SetWriteDeadline(time.Now().Add(viewerWriteTimeout)); err != nil {
		return err
	}
	return v.ws.WriteMessage(kind, data)
}

func (v *viewer) writePrepared(m *websocket.PreparedMessage) error {
	if err := v.ws.SetWriteDeadline(time.Now().Add(viewerWriteTimeout)); err != nil {
		return err
	}
	return v.ws.WritePreparedMessage(m)
}
