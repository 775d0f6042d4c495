package ws

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
)

// Message is a JSON message to be sent. It is encoded once, by the first writer
// that gets to it, however many sockets it is sent to; its value must not change
// any more.
type Message struct {
	value  func() any
	shared bool

	once     sync.Once
	data     []byte
	prepared *websocket.PreparedMessage // when shared
	err      error
}

// Encoded is a value that is JSON already and sent as it is.
type Encoded []byte

// NewMessage returns a message that says v.
func NewMessage(v any) *Message { return &Message{value: func() any { return v }} }

// NewLazy returns a message that says what value returns. It is called once, by
// the first writer, so that whoever sends does not spend the time.
func NewLazy(value func() any) *Message { return &Message{value: value} }

// NewShared is NewLazy for a message to many sockets: its frame is made once,
// too, and the same bytes are written to all of them.
func NewShared(value func() any) *Message { return &Message{value: value, shared: true} }

// writeTo writes the message to a socket.
func (m *Message) writeTo(sock *websocket.Conn) error {
	m.once.Do(m.encode)
	switch {
	case m.err != nil:
		return m.err
	case m.shared:
		return sock.WritePreparedMessage(m.prepared)
	}
	return sock.WriteMessage(websocket.TextMessage, m.data)
}

func (m *Message) encode() {
	value := m.value()
	m.value = nil
	if encoded, ok := value.(Encoded); ok {
		m.data = encoded
	} else if m.data, m.err = json.Marshal(value); m.err != nil {
		m.err = fmt.Errorf("encode message: %w", m.err)
		return
	}
	if !m.shared {
		return
	}
	if m.prepared, m.err = websocket.NewPreparedMessage(websocket.TextMessage, m.data); m.err != nil {
		m.err = fmt.Errorf("prepare message: %w", m.err)
	}
	m.data = nil
}
