package room

import (
	"slices"
	"time"
)

// history keeps the newest chat messages, bounded in number and bytes of text;
// the oldest are dropped.
type history struct {
	maxLen, maxBytes int
	list             []Chat
	bytes            int
}

func (h *history) add(c Chat) {
	h.list = append(h.list, c)
	h.bytes += len(c.Text)
	drop := 0
	for len(h.list)-drop > h.maxLen || h.bytes > h.maxBytes {
		h.bytes -= len(h.list[drop].Text)
		drop++
	}
	h.list = slices.Delete(h.list, 0, drop)
}

// messages returns a copy, oldest first.
func (h *history) messages() []Chat { return slices.Clone(h.list) }

type say struct {
	m    *Member
	text string
}

func (a *say) apply(r *Room) {
	if a.m.gone {
		return
	}
	c := Chat{From: a.m.id, Name: a.m.name, Text: a.text, At: time.Now()}
	r.chat.add(c)
	for _, m := range r.order {
		m.client.Notify(&c)
	}
}
