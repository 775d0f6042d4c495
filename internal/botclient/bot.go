package botclient

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// Bot is one headless participant. It is safe for concurrent use.
type Bot struct {
	// Static after Dial.
	cfg      Config
	address  string
	ssrc     uint32 // of its own RTCP
	feedback *feedback
	conn     *light.Conn
	routes   routes
	senders  map[track.Source]*sender // filled before the first offer
	session  uint64                   // of the SDP
	ctx      context.Context          // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup // every goroutine but the socket's
	dialed   time.Time

	board  *board
	events chan Event
	ready  chan struct{} // closed when ICE and DTLS came up for the first time

	negotiateMu sync.Mutex // one offer at a time
	lines       []line     // in the order of the m-lines

	dropped  atomic.Uint64 // events
	offered  atomic.Int64
	messages atomic.Uint64 // received from the server
	strays   atomic.Uint64 // packets of streams nobody told of
	sawMedia atomic.Bool
	twcc     atomic.Uint32 // number of the header extension, 0 = not agreed

	mu          sync.Mutex
	sock        *socket
	receivers   map[string]*receiver // by mid
	listed      []*receiver          // the same, replaced when one is added
	connectedAt time.Time
	mediaAt     time.Time
	closed      bool
}

// Dial joins the room, publishes and offers the slots. It returns once the
// server has answered; WaitConnected waits for the media path.
func Dial(ctx context.Context, cfg Config) (*Bot, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("check bot: %w", err)
	}
	cfg.setDefaults()
	address, err := signalURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Stack == nil {
		u, _ := url.Parse(address)
		if cfg.Stack, err = NewStack(u.Hostname()); err != nil {
			return nil, err
		}
	}
	b := &Bot{
		cfg: cfg, address: address, ssrc: rand.Uint32(), senders: map[track.Source]*sender{},
		board: newBoard(), events: make(chan Event, cfg.EventQueue), ready: make(chan struct{}),
		receivers: map[string]*receiver{}, dialed: time.Now(),
	}
	b.feedback = newFeedback(b.ssrc)
	b.session = uint64(rand.Int64())
	b.conn = cfg.Stack.newConn(b, cfg.Loss)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if err := b.start(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Bot) start(ctx context.Context) error {
	joined, err := b.join(ctx, "")
	if err != nil {
		return err
	}
	b.addLines(joined)
	if err := b.negotiate(ctx); err != nil {
		return err
	}
	for _, s := range b.senders {
		b.wg.Go(func() { s.run(b.ctx, b.ready) })
	}
	b.wg.Go(b.reportLoop)
	b.wg.Go(b.pingLoop)
	return nil
}

// join opens a socket and becomes a member, or the same member again.
func (b *Bot) join(ctx context.Context, resume string) (wire.Joined, error) {
	var joined wire.Joined
	sock, err := dialSocket(ctx, b.address, b.receive)
	if err != nil {
		return joined, err
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		sock.conn.Close()
		return joined, ErrClosed
	}
	b.sock = sock
	b.wg.Go(func() {
		sock.readLoop()
		b.socketEnded(sock)
	})
	b.mu.Unlock()

	err = sock.request(ctx, func(id string) any {
		return wire.Join{
			Head: wire.Head{Type: wire.TypeJoin, ID: id}, Version: wire.Version,
			Token: b.cfg.Token, Room: b.cfg.Room, Name: b.cfg.Name, Resume: resume,
		}
	}, &joined)
	if err != nil {
		return joined, fmt.Errorf("join: %w", err)
	}
	b.board.update(func(s *State) { s.joined(joined) })
	return joined, nil
}

// socketEnded tells those who watch, unless a newer socket has taken over.
func (b *Bot) socketEnded(sock *socket) {
	b.mu.Lock()
	current := b.sock == sock
	b.mu.Unlock()
	if !current {
		return
	}
	b.board.update(func(s *State) { s.Closed = true })
	b.emit(Event{Type: EventClosed, Message: sock.reason()})
}

// receive runs on the socket's read loop for everything that is no answer.
func (b *Bot) receive(kind string, raw []byte) {
	b.messages.Add(1)
	message, err := decode(kind, raw)
	if err != nil {
		b.cfg.Logger.Warn("message not understood", "type", kind, "err", err)
		return
	}
	if s, ok := message.(*wire.Slots); ok {
		b.rebind(s.Slots)
	}
	if l, ok := message.(*wire.Layers); ok && !b.cfg.IgnoreLayers {
		if sender, ok := b.senders[track.Source(l.Source)]; ok {
			sender.activate(l.Active)
		}
	}
	b.board.update(func(s *State) { s.apply(message) })
	b.emit(Event{Type: kind, Message: message})
}

// emit drops the oldest event when nobody reads.
func (b *Bot) emit(e Event) {
	for {
		select {
		case b.events <- e:
			return
		default:
		}
		select {
		case <-b.events:
			b.dropped.Add(1)
		default:
		}
	}
}

// Events brings the server's messages in order. The channel is bounded and
// never closed; the oldest event is dropped when it is full.
func (b *Bot) Events() <-chan Event { return b.events }

// State returns what the bot knows of its room now.
func (b *Bot) State() State {
	s, _ := b.board.view()
	return s
}

// Wait returns when ok holds for the bot's state, or the context ends. ok is
// called after each change and must not block.
func (b *Bot) Wait(ctx context.Context, ok func(State) bool) error { return b.board.wait(ctx, ok) }

// WaitConnected returns when ICE and DTLS are up.
func (b *Bot) WaitConnected(ctx context.Context) error {
	select {
	case <-b.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the media path: %w", ctx.Err())
	case <-b.ctx.Done():
		return ErrClosed
	}
}

func (b *Bot) socket() *socket {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sock
}

// DropSocket cuts the signaling socket as a lost network would, without leaving
// the room. Media goes on; Resume takes the member over.
func (b *Bot) DropSocket() {
	if s := b.socket(); s != nil {
		s.close(false)
	}
}

// Resume opens a new socket for the same member. It returns true when the
// server kept the member and its media, false when it made a new one, whose
// media then has to be negotiated anew by a new bot.
func (b *Bot) Resume(ctx context.Context) (bool, error) {
	b.DropSocket()
	joined, err := b.join(ctx, b.State().Resume)
	if err != nil {
		return false, fmt.Errorf("resume: %w", err)
	}
	return joined.Resumed, nil
}

// Leave says goodbye and closes.
func (b *Bot) Leave() error {
	if s := b.socket(); s != nil {
		_ = s.write(wire.Bare{Head: wire.Head{Type: wire.TypeLeave}})
	}
	return b.Close()
}

// Close ends socket and media and waits for every goroutine. It is idempotent.
func (b *Bot) Close() error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	sock := b.sock
	b.mu.Unlock()
	var err error
	if first {
		b.cancel()
		if sock != nil {
			sock.close(true)
		}
		err = b.conn.Close()
	}
	b.wg.Wait()
	if err != nil {
		return fmt.Errorf("close media path: %w", err)
	}
	return nil
}

// pingLoop keeps the socket alive.
func (b *Bot) pingLoop() {
	tick := time.NewTicker(b.cfg.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-tick.C:
			if s := b.socket(); s != nil {
				_ = s.write(wire.Ping{Head: wire.Head{Type: wire.TypePing}, T: float64(time.Since(b.dialed).Milliseconds())})
			}
		}
	}
}
