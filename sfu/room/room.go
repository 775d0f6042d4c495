package room

import (
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/audio"
	"github.com/meetcast/meetcast/sfu/track"
)

// Room is one room. It implements track.Room.
type Room struct {
	id     track.RoomID
	rooms  *Rooms
	cfg    Config
	logger *slog.Logger
	inbox  *inbox
	done   chan struct{} // closed when the loop has ended

	// Owned by the loop.

	members   map[track.MemberID]*Member
	order     []*Member // as they joined
	observers map[*observer]struct{}
	chat      history
	presence  pending
	voices    *audio.Speakers
	ranked    []track.MemberID // keys of voices, loudest first
	speakers  []track.MemberID // as last told
	lastHand  time.Time
	scene     *scene // of the last round

	// dirty is set when the next round has something to tell; moved when it
	// has to look at the slots as well.
	dirty, moved bool
	stale        []*Member // whose slots are to be assigned at once
	lastRound    time.Time
	closing      bool
}

func newRoom(id track.RoomID, rooms *Rooms) *Room {
	return &Room{
		id: id, rooms: rooms, cfg: rooms.cfg,
		logger:    rooms.cfg.Logger.With("room", string(id)),
		inbox:     newInbox(),
		done:      make(chan struct{}),
		members:   make(map[track.MemberID]*Member),
		observers: make(map[*observer]struct{}),
		chat:      history{maxLen: rooms.cfg.ChatLen, maxBytes: rooms.cfg.ChatBytes},
		voices:    audio.NewSpeakers(audio.SpeakersConfig{Max: maxSpeakers}),
		scene:     &scene{},
	}
}

// ID returns the room's name.
func (r *Room) ID() track.RoomID { return r.id }

// post queues an action; a closed room ignores it.
func (r *Room) post(a action) { r.inbox.post(a) }

// ask queues an action and waits for its reply.
func (r *Room) ask(a action, reply <-chan error) error {
	if !r.inbox.post(a) {
		return errRoomClosed
	}
	select {
	case err := <-reply:
		return err
	case <-r.done:
	}
	select {
	case err := <-reply:
		return err
	default:
		return errRoomClosed
	}
}

// run is the loop. It ends when the room is empty or closed.
func (r *Room) run() {
	defer close(r.done)
	timers := newTimers()
	defer timers.stop()
	var spare []action
	for {
		select {
		case <-r.inbox.ready:
			queue := r.inbox.take(spare)
			for _, a := range queue {
				a.apply(r)
			}
			clear(queue)
			spare = queue
		case <-timers.poll.C:
			timers.polling = false
			r.listen(time.Now())
		case <-timers.round.C:
			timers.waiting = false
		case <-timers.lost.C:
			r.giveUpLost(time.Now())
		}
		if r.closing || r.empty() {
			r.rooms.release(r)
			r.shut()
			return
		}
		r.settle(timers)
	}
}

// empty tells whether nobody is left. Who joins in this moment gets errRoomClosed
// and another room.
func (r *Room) empty() bool { return len(r.members) == 0 && len(r.observers) == 0 }

// settle does what the actions left to do and arms the timers.
func (r *Room) settle(t *timers) {
	now := time.Now()
	if r.dirty {
		if wait := r.cfg.Batch - now.Sub(r.lastRound); wait <= 0 {
			r.round(now)
		} else if !t.waiting {
			t.waiting = true
			t.round.Reset(wait)
		}
	}
	for _, m := range r.stale {
		r.arrange(m)
	}
	clear(r.stale)
	r.stale = r.stale[:0]
	if !t.polling && (len(r.scene.audio) > 0 || len(r.speakers) > 0) {
		t.polling = true
		t.poll.Reset(r.cfg.Poll)
	}
	if at, ok := r.firstLost(); ok {
		t.lost.Reset(at.Sub(now))
	} else {
		t.lost.Stop()
	}
}

// round tells everybody what changed since the last one: who is there, then who
// is in which slot, then the observers.
func (r *Room) round(now time.Time) {
	r.dirty, r.lastRound = false, now
	r.tellPresence()
	if r.moved {
		r.moved = false
		r.scene = r.look()
		for _, m := range r.order {
			r.arrange(m)
		}
	}
	r.tellObservers()
}

// shut tells everybody that the room is over.
func (r *Room) shut() {
	r.inbox.close()
	for _, m := range r.order {
		r.unbind(m)
		m.gone = true
		r.rooms.stats.members.Add(-1)
		m.client.Notify(&Gone{Reason: ReasonClosed})
	}
	for o := range r.observers {
		o.RoomClosed()
	}
	r.logger.Info("room closed")
}

// closeRoom ends the room whoever is in it.
type closeRoom struct{}

func (closeRoom) apply(r *Room) { r.closing = true }

// timers of a loop.
type timers struct {
	round, poll, lost *time.Timer
	waiting, polling  bool // round, poll are armed
}

func newTimers() *timers {
	t := &timers{round: time.NewTimer(time.Hour), poll: time.NewTimer(time.Hour), lost: time.NewTimer(time.Hour)}
	t.stop()
	return t
}

func (t *timers) stop() {
	t.round.Stop()
	t.poll.Stop()
	t.lost.Stop()
}
