package egress

import (
	"github.com/meetcast/meetcast/egress/onair"
	"github.com/meetcast/meetcast/sfu/track"
)

// Status returns the broadcast of a room, or the last one, or Idle.
func (m *Manager) Status(id track.RoomID) Status {
	m.mu.Lock()
	j, past, known := m.jobs[id], m.past[id], m.past[id].State != ""
	m.mu.Unlock()
	switch {
	case j != nil:
		return j.Status()
	case known:
		return past
	}
	return Status{Room: id, State: Idle}
}

// All returns the broadcasts that run now.
func (m *Manager) All() []Status {
	m.mu.Lock()
	jobs := make([]*job, 0, len(m.jobs))
	for _, j := range m.jobs {
		jobs = append(jobs, j)
	}
	m.mu.Unlock()
	out := make([]Status, 0, len(jobs))
	for _, j := range jobs {
		out = append(out, j.Status())
	}
	return out
}

// Watch calls f with the status of a room's broadcasts, at once and after each
// change, one call after the other, until cancel, which waits until no call is
// under way. f must neither block nor call the Manager or cancel.
func (m *Manager) Watch(id track.RoomID, f func(Status)) (cancel func()) {
	m.telling.Lock()
	defer m.telling.Unlock()
	m.mu.Lock()
	m.nextID++
	n := m.nextID
	if m.watchers[id] == nil {
		m.watchers[id] = make(map[int]func(Status))
	}
	m.watchers[id][n] = f
	m.mu.Unlock()
	f(m.Status(id))
	return func() {
		m.telling.Lock()
		defer m.telling.Unlock()
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers[id], n)
		if len(m.watchers[id]) == 0 {
			delete(m.watchers, id)
		}
	}
}

// changed takes a job's new state: one that has ended gives its place up, and
// the watchers are told.
func (m *Manager) changed(j *job) {
	m.telling.Lock()
	defer m.telling.Unlock()
	s := j.Status()
	m.mu.Lock()
	if over := s.State == Stopped || s.State == Failed && j.isEnded(); over && m.jobs[s.Room] == j {
		delete(m.jobs, s.Room)
		if _, known := m.past[s.Room]; !known {
			m.order = append(m.order, s.Room)
		}
		m.past[s.Room] = s
		if len(m.order) > maxPast {
			delete(m.past, m.order[0])
			m.order = m.order[1:]
		}
	}
	var tell []func(Status)
	for _, f := range m.watchers[s.Room] {
		tell = append(tell, f)
	}
	m.mu.Unlock()
	for _, f := range tell {
		f(s)
	}
}

// OnAir returns the programme of a stream that a room is being broadcast to, for
// those who play it as tracks; false when there is none.
func (m *Manager) OnAir(stream string) (*onair.Programme, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		if j.req.Stream != stream {
			continue
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.program == nil || j.closing {
			return nil, false
		}
		return j.program.onAir, true
	}
	return nil, false
}
