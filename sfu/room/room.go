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
	order     []*Member     // as they joined
	joins     uint64        // so far
	roster    []*MemberInfo // of order; nil after a change. Shared, only ever appended to.
	lost      []*Member     // those away, in the order in which they are given up
	observers map[*observer]struct{}
	chat      history
	presence  pending
	welcomed  []*Member // since the last round of presence
	voices    *audio.Speakers
	levels    []audio.Level    // memory of listen
	ranked    []track.MemberID // keys of voices, loudest first
	speakers  []track.MemberID // as last told; never changed in place
	lastHand  time.Time
	scene     *scene
	assigner  assigner
	current   []*source // memory of arrange

	// What the next rounds have to tell: dirty of presence, moved of slots,
	// unseen of observers.
	dirty, unseen       bool
	moved               moves
	stale               []*Member // whose slots are to be assigned at once
	lastRound, lastMove time.Time
	closing             bool
}

func newRoom(id track.RoomID, rooms *Rooms) *Room {
	members := make(map[track.MemberID]*Member)
	return &Room{
		id: id, rooms: rooms, cfg: rooms.cfg,
		logger:    rooms.cfg.Logger.With("room", string(id)),
		inbox:     newInbox(),
		done:      make(chan struct{}),
		members:   members,
		observers: make(map[*observer]struct{}),
		chat:      history{maxLen: rooms.cfg.ChatLen, maxBytes: rooms.cfg.ChatBytes},
		voices:    audio.NewSpeakers(audio.SpeakersConfig{Max: maxSpeakers}),
		scene:     &scene{members: members},
		assigner:  assigner{sizes: fillSizes{rooms.cfg.CameraSize, rooms.cfg.ScreenSize}},
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

// settle does what the actions left to do, as far as it is due, and arms the
// timers.
func (r *Room) settle(t *timers) {
	now := time.Now()
	next := time.Duration(-1)
	due := func(last time.Time, every time.Duration) bool {
		wait := every - now.Sub(last)
		if wait > 0 && (next < 0 || wait < next) {
			next = wait
		}
		return wait <= 0
	}
	if r.dirty && due(r.lastRound, r.pace()) {
		r.dirty, r.lastRound = false, now
		r.tellPresence()
	}
	if (r.moved.any() || r.unseen) && due(r.lastMove, r.cfg.Batch) {
		r.move(now)
	}
	for _, m := range r.stale {
		if m.stale {
			r.arrange(m)
		}
	}
	clear(r.stale)
	r.stale = r.stale[:0]
	t.arm(t.round, next)
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

// crowd is how many members may be told of presence at the pace of Config.Batch;
// larger rooms are told at longer intervals, so that the messages of a room do
// not grow with the square of its members.
const crowd = 100

// pace is the shortest time between two rounds of presence.
func (r *Room) pace() time.Duration {
	return min(r.cfg.Batch*time.Duration(max(1, len(r.order)/crowd)), max(r.cfg.MaxBatch, r.cfg.Batch))
}

// move brings the slots, and then the observers, up to date. It has a pace of
// its own: who begins to speak is not to wait for a crowd that comes in.
func (r *Room) move(now time.Time) {
	r.lastMove = now
	if r.moved.any() {
		r.moveSlots()
	}
	if r.unseen {
		r.unseen = false
		r.tellObservers()
	}
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
	polling           bool // poll is armed
}

func newTimers() *timers {
	t := &timers{round: time.NewTimer(time.Hour), poll: time.NewTimer(time.Hour), lost: time.NewTimer(time.Hour)}
	t.stop()
	return t
}

// arm lets a timer fire after a time, or not at all when it is negative.
func (t *timers) arm(timer *time.Timer, after time.Duration) {
	if after < 0 {
		timer.Stop()
	} else {
		timer.Reset(after)
	}
}

func (t *timers) stop() {
	t.round.Stop()
	t.poll.Stop()
	t.lost.Stop()
}
