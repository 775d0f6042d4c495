package proto

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/yutopp/go-amf0"
)

// Object is an AMF0 object or ECMA array as read from a peer.
type Object = map[string]any

// ECMAArray is sent as an ECMA array, which encoders expect of onMetaData.
type ECMAArray = amf0.ECMAArray

// amfDepth is how deep a peer may nest values; commands in use need 3.
const amfDepth = 8

// amfValues is how many values a peer may send in one message.
const amfValues = 4096

// Command is a command message, §7.2, or a data message with Transaction 0.
type Command struct {
	Name        string
	Transaction float64
	Args        []any // of nil, bool, float64, string, Object, []any
}

// Str returns argument i when it is a string.
func (c Command) Str(i int) string {
	if i < len(c.Args) {
		s, _ := c.Args[i].(string)
		return s
	}
	return ""
}

// Obj returns argument i when it is an object; reading from a nil Object is fine.
func (c Command) Obj(i int) Object {
	if i < len(c.Args) {
		o, _ := c.Args[i].(Object)
		return o
	}
	return nil
}

// Num returns argument i when it is a number.
func (c Command) Num(i int) float64 {
	if i < len(c.Args) {
		n, _ := c.Args[i].(float64)
		return n
	}
	return 0
}

// ParseCommand decodes the body of a command message (types 20 and 17). A
// transaction that is missing is 0: ffmpeg's onFCPublish has none.
func ParseCommand(t Type, body []byte) (Command, error) {
	values, err := parseValues(t, body)
	if err != nil {
		return Command{}, err
	}
	if len(values) == 0 {
		return Command{}, protocolErrorf("empty command")
	}
	name, ok := values[0].(string)
	if !ok {
		return Command{}, protocolErrorf("command without name")
	}
	c := Command{Name: name, Args: values[1:]}
	if len(values) > 1 {
		if id, ok := values[1].(float64); ok {
			c.Transaction, c.Args = id, values[2:]
		}
	}
	return c, nil
}

// ParseData decodes the body of a data message (types 18 and 15).
func ParseData(t Type, body []byte) (Command, error) {
	values, err := parseValues(t, body)
	if err != nil {
		return Command{}, err
	}
	if len(values) == 0 {
		return Command{}, protocolErrorf("empty data message")
	}
	name, ok := values[0].(string)
	if !ok {
		return Command{}, protocolErrorf("data message without name")
	}
	return Command{Name: name, Args: values[1:]}, nil
}

// Command encodes c for a message of type 20.
func (c Command) Command() ([]byte, error) {
	return appendValues(append([]any{c.Name, c.Transaction}, c.Args...))
}

// Data encodes c for a message of type 18.
func (c Command) Data() ([]byte, error) {
	return appendValues(append([]any{c.Name}, c.Args...))
}

func appendValues(values []any) ([]byte, error) {
	var buf bytes.Buffer
	enc := amf0.NewEncoder(&buf)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, fmt.Errorf("encode amf0: %w", err)
		}
	}
	return buf.Bytes(), nil
}

func parseValues(t Type, body []byte) ([]any, error) {
	// The AMF3 types carry AMF0 after one byte 0 in all encoders in use.
	if t == TypeCommandAMF3 || t == TypeDataAMF3 {
		if len(body) == 0 || body[0] != 0 {
			return nil, protocolErrorf("amf3 value")
		}
		body = body[1:]
	}
	p := amfParser{b: body}
	var values []any
	for len(p.b) > 0 {
		v, err := p.value(amfDepth)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// amfParser reads AMF0 from memory. Unlike go-amf0's decoder it has limits and
// knows undefined and long strings.
type amfParser struct {
	b []byte
	n int // values so far
}

func (p *amfParser) take(n int) ([]byte, error) {
	if n > len(p.b) {
		return nil, protocolErrorf("amf0 value ends early")
	}
	v := p.b[:n]
	p.b = p.b[n:]
	return v, nil
}

func (p *amfParser) value(depth int) (any, error) {
	if p.n++; p.n > amfValues || depth == 0 {
		return nil, protocolErrorf("amf0 value too large")
	}
	m, err := p.take(1)
	if err != nil {
		return nil, err
	}
	switch amf0.Marker(m[0]) {
	case amf0.MarkerNumber:
		v, err := p.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(v)), nil
	case amf0.MarkerBoolean:
		v, err := p.take(1)
		if err != nil {
			return nil, err
		}
		return v[0] != 0, nil
	case amf0.MarkerString:
		return p.str(2)
	case amf0.MarkerLongString, amf0.MarkerXMLDocument:
		return p.str(4)
	case amf0.MarkerNull, amf0.MarkerUndefined, amf0.MarkerUnsupported:
		return nil, nil
	case amf0.MarkerReference:
		_, err := p.take(2)
		return nil, err
	case amf0.MarkerDate:
		_, err := p.take(10)
		return nil, err
	case amf0.MarkerTypedObject:
		if _, err := p.str(2); err != nil {
			return nil, err
		}
		return p.object(depth)
	case amf0.MarkerObject:
		return p.object(depth)
	case amf0.MarkerEcmaArray:
		if _, err := p.take(4); err != nil { // a count that encoders get wrong
			return nil, err
		}
		return p.object(depth)
	case amf0.MarkerStrictArray:
		return p.array(depth)
	}
	return nil, protocolErrorf("amf0 marker %d", m[0])
}

// str reads a string whose length has size bytes.
func (p *amfParser) str(size int) (string, error) {
	l, err := p.take(size)
	if err != nil {
		return "", err
	}
	n := 0
	for _, b := range l {
		n = n<<8 | int(b)
	}
	v, err := p.take(n)
	return string(v), err
}

func (p *amfParser) object(depth int) (Object, error) {
	o := Object{}
	for {
		// A missing end marker at the end of the message is forgiven: some
		// encoders forget it after onMetaData.
		if len(p.b) == 0 {
			return o, nil
		}
		key, err := p.str(2)
		if err != nil {
			return nil, err
		}
		if key == "" && len(p.b) > 0 && amf0.Marker(p.b[0]) == amf0.MarkerObjectEnd {
			p.b = p.b[1:]
			return o, nil
		}
		v, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		o[key] = v
	}
}

func (p *amfParser) array(depth int) ([]any, error) {
	l, err := p.take(4)
	if err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(l))
	if n > int64(len(p.b)) { // a value has at least one byte
		return nil, protocolErrorf("amf0 array of %d values in %d bytes", n, len(p.b))
	}
	a := make([]any, 0, min(n, 64)) // grows with what is there, not with what is claimed
	for range n {
		v, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	return a, nil
}
