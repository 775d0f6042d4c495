package ws

import (
	"encoding/json"
	"fmt"
	"sync"
)

// Message is a JSON message to be sent. It is encoded once, by the first writer
// that gets to it, however many sockets it is sent to; its value must not change
// any more.
type Message struct {
	value func() any
	once  sync.Once
	data  []byte
	err   error
}

// NewMessage returns a message that says v.
func NewMessage(v any) *Message { return &Message{value: func() any { return v }} }

// NewLazy returns a message that says what value returns. It is called once, by
// the first writer, so that whoever sends does not spend the time.
func NewLazy(value func() any) *Message { return &Message{value: value} }

func (m *Message) bytes() ([]byte, error) {
	m.once.Do(func() {
		if m.data, m.err = json.Marshal(m.value()); m.err != nil {
			m.err = fmt.Errorf("encode message: %w", m.err)
		}
		m.value = nil
	})
	return m.data, m.err
}
