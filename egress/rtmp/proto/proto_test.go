package proto

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// TestChunksRoundTrip drives writer and reader from one table.
func TestChunksRoundTrip(t *testing.T) {
	tests := []struct {
		name      string
		chunkSize int
		messages  []Message
	}{
		{"one small", 128, []Message{{ChunkStream: 3, Type: TypeCommandAMF0, Body: fill(20)}}},
		{"exactly a chunk", 128, []Message{{ChunkStream: 3, Type: TypeAudio, Body: fill(128)}}},
		{"over many chunks", 128, []Message{{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 40, Body: fill(100_000)}}},
		{"empty", 128, []Message{{ChunkStream: 4, Type: TypeAudio, Body: []byte{}}, {ChunkStream: 4, Type: TypeAudio, Timestamp: 5, Body: fill(3)}}},
		{"same time, length and type again", 128, []Message{
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 1000, Body: fill(10)},
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 1000, Body: fill(10)},
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 1021, Body: fill(10)},
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 1042, Body: fill(10)},
		}},
		{"extended timestamps over chunks", 100, []Message{
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0xffffff, Body: fill(350)},
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0x1000010, Body: fill(350)},
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0x3000000, Body: fill(350)},
		}},
		{"wrap after 49 days", 4096, []Message{
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0xffffffe0, Body: fill(5000)},
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0x10, Body: fill(5000)},
			{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0x30, Body: fill(5000)},
		}},
		{"time goes back", 128, []Message{
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 90, Body: fill(9)},
			{ChunkStream: 4, Type: TypeAudio, StreamID: 1, Timestamp: 80, Body: fill(9)},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			w := NewWriter(&buf)
			if err := w.SetChunkSize(tt.chunkSize); err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.messages {
				if err := w.Write(m); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			r := NewReader(bufio.NewReader(&buf), Limits{})
			for i, want := range tt.messages {
				got, err := r.Next()
				if err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("message %d: got %d bytes at %d, want %d at %d (%+v)", i, len(got.Body), got.Timestamp, len(want.Body), want.Timestamp, got.Type)
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Fatalf("after the last: %v", err)
			}
		})
	}
}

// chunk builds bytes by hand, for peers that do what our writer does not.
func chunk(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch v := p.(type) {
		case int:
			b = append(b, byte(v))
		case string:
			b = append(b, v...)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

func TestReaderTakesOtherWriters(t *testing.T) {
	long := chunk(0x04, 0xff, 0xff, 0xff, 0, 0, 200, 8, 1, 0, 0, 0, 0x01, 0, 0, 0)
	tests := []struct {
		name  string
		in    []byte
		want  []uint32 // timestamps
		bytes int      // of the last
	}{
		{"type 3 repeats the last step", chunk(
			0x04, 0, 0, 100, 0, 0, 1, 8, 1, 0, 0, 0, "a", 0x44, 0, 0, 20, 0, 0, 1, 8, "b", 0xc4, "c", 0xc4, "d"),
			[]uint32{100, 120, 140, 160}, 1},
		{"type 2 keeps length and type", chunk(
			0x04, 0, 0, 100, 0, 0, 1, 8, 1, 0, 0, 0, "a", 0x84, 0, 0, 30, "b"), []uint32{100, 130}, 1},
		{"type 3 with the extended timestamp", chunk(long, fill(128), 0xc4, 0x01, 0, 0, 0, fill(72)), []uint32{0x01000000}, 200},
		{"type 3 without it", chunk(long, fill(128), 0xc4, fill(72)), []uint32{0x01000000}, 200},
		{"two and three byte chunk stream ids", chunk(
			0x00, 10, 0, 0, 1, 0, 0, 1, 8, 0, 0, 0, 0, "a", 0x01, 10, 1, 0, 0, 2, 0, 0, 1, 8, 0, 0, 0, 0, "b"), []uint32{1, 2}, 1},
		{"abort gives a message up", chunk(
			0x04, 0, 0, 1, 0, 0, 200, 8, 0, 0, 0, 0, fill(128), 0x02, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4,
			0x44, 0, 0, 1, 0, 0, 1, 8, "z"), []uint32{2}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(bufio.NewReader(bytes.NewReader(tt.in)), Limits{})
			var got []uint32
			size := 0
			for {
				m, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got, size = append(got, m.Timestamp), len(m.Body)
			}
			if !reflect.DeepEqual(got, tt.want) || size != tt.bytes {
				t.Fatalf("timestamps %v, last of %d bytes; want %v, %d", got, size, tt.want, tt.bytes)
			}
		})
	}
}

func TestReaderLimits(t *testing.T) {
	l := Limits{Media: 1000, Command: 100, ChunkStreams: 2, Partial: 1500}
	head := func(cs, size, typ int) []byte {
		return chunk(cs, 0, 0, 0, 0, size>>8, size&0xff, typ, 0, 0, 0, 0)
	}
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"media", head(4, 1001, 9), "over the limit"},
		{"command", head(4, 101, 20), "over the limit"},
		{"chunk streams", chunk(head(4, 1, 8), "a", head(5, 1, 8), "a", head(6, 1, 8), "a"), "chunk streams"},
		{"unfinished", chunk(head(2, 4, 1), 0, 0, 3, 0, head(4, 1000, 9), fill(768), head(2, 4, 1), 0, 0, 3, 0), ""},
		{"chunk size 0", chunk(head(2, 4, 1), 0, 0, 0, 0), "chunk size 0"},
		{"type 3 first", chunk(0xc4), "without a header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(bufio.NewReader(bytes.NewReader(tt.in)), l)
			var err error
			for err == nil {
				_, err = r.Next()
			}
			if tt.want != "" && (!errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestClaimsCostNothing: a header that announces much must not allocate much.
func TestClaimsCostNothing(t *testing.T) {
	in := chunk(0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff) // chunk size 2 GiB
	in = append(in, chunk(0x04, 0, 0, 0, 0x7f, 0xff, 0xff, 9, 0, 0, 0, 0, fill(10))...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := NewReader(bufio.NewReader(bytes.NewReader(in)), Limits{})
	if _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Fatalf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Fatalf("allocated %d bytes for 10", n)
	}
}

func TestCommands(t *testing.T) {
	in := Command{Name: "connect", Transaction: 1, Args: []any{
		map[string]any{"app": "live", "n": 1.5, "b": true, "nil": nil, "inner": map[string]any{"x": "y"}},
		nil, "key", 7.0, false,
	}}
	body, err := in.Command()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []Type{TypeCommandAMF0, TypeCommandAMF3} {
		b := body
		if typ == TypeCommandAMF3 {
			b = append([]byte{0}, body...)
		}
		got, err := ParseCommand(typ, b)
		if err != nil || !reflect.DeepEqual(got, in) {
			t.Fatalf("type %d: %+v, %v", typ, got, err)
		}
	}
	data, err := Command{Name: "@setDataFrame", Args: []any{"onMetaData", ECMAArray{"width": 320}}}.Data()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseData(TypeDataAMF0, data)
	if err != nil || got.Str(0) != "onMetaData" || got.Obj(1)["width"] != 320.0 {
		t.Fatalf("data: %+v, %v", got, err)
	}
}

func TestAMFRefusesBombs(t *testing.T) {
	name := []byte{2, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0}
	tests := map[string][]byte{
		"deep objects":   append(bytes.Clone(name), bytes.Repeat([]byte{3, 0, 1, 'a'}, 10_000)...),
		"deep arrays":    append(bytes.Clone(name), bytes.Repeat([]byte{10, 0, 0, 0, 1}, 10_000)...),
		"huge array":     append(bytes.Clone(name), 10, 0x7f, 0xff, 0xff, 0xff),
		"huge string":    append(bytes.Clone(name), 12, 0xff, 0xff, 0xff, 0xff, 'a'),
		"many values":    append(bytes.Clone(name), bytes.Repeat([]byte{5}, 20_000)...),
		"not a name":     {0, 0, 0, 0, 0, 0, 0, 0, 0},
		"unknown marker": append(bytes.Clone(name), 0x42),
		"ends early":     append(bytes.Clone(name), 2, 0, 5, 'a'),
	}
	for what, b := range tests {
		if _, err := ParseCommand(TypeCommandAMF0, b); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// tcpPair returns both ends of a TCP connection; in the handshake both sides
// write before they read, so a net.Pipe will not do.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// pair returns both ends of a connection after the handshake.
func pair(t *testing.T) (client, server *Conn) {
	t.Helper()
	a, b := tcpPair(t)
	done := make(chan error, 1)
	go func() {
		var err error
		server, err = Server(b, Limits{}, time.Second)
		done <- err
	}()
	client, err := Client(a, Limits{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestConnAcknowledgesAndPongs(t *testing.T) {
	client, server := pair(t)
	got := make(chan error, 1)
	go func() { // the server reads what the client says
		for {
			if _, err := server.Next(); err != nil {
				got <- err
				return
			}
		}
	}()
	body := binary.BigEndian.AppendUint16(nil, eventPingRequest)
	body = append(body, 1, 2, 3, 4)
	go func() {
		_ = server.WriteMessage(Message{ChunkStream: 2, Type: TypeUserControl, Body: body})
		_ = server.WriteCommand(0, Command{Name: "end"})
	}()
	if m, err := client.Next(); err != nil || m.Type != TypeCommandAMF0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := client.WriteControl(TypeWindowAckSize, 100_000); err != nil {
		t.Fatal(err)
	}
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		_, _ = client.Next() // ends with the connection, having seen the acknowledgement
	}()
	for range 40 {
		if err := client.WriteMessage(Message{ChunkStream: 6, Type: TypeVideo, Body: fill(2000)}); err != nil {
			t.Fatal(err)
		}
	}
	unittest.Until(t, "more than half a window is acknowledged", func() bool {
		n, ok := client.Acked()
		return ok && n >= 50_000
	})
	client.Close()
	<-acked
	<-got
}

func TestServerRefusesOtherProtocols(t *testing.T) {
	a, b := tcpPair(t)
	go func() { _, _ = a.Write([]byte("GET / HTTP/1.1\r\n\r\n")) }()
	if _, err := Server(b, Limits{}, time.Second); !errors.Is(err, ErrProtocol) {
		t.Fatalf("got %v", err)
	}
}

// FuzzReader feeds noise to the chunk reader, and every command to the parser.
func FuzzReader(f *testing.F) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	cmd, _ := Command{Name: "publish", Transaction: 5, Args: []any{nil, "name", "live"}}.Command()
	_ = w.Write(Message{ChunkStream: 3, Type: TypeCommandAMF0, Body: cmd})
	_ = w.SetChunkSize(1000)
	_ = w.Write(Message{ChunkStream: 6, Type: TypeVideo, StreamID: 1, Timestamp: 0xfffffff, Body: fill(3000)})
	_ = w.Flush()
	f.Add(buf.Bytes())
	f.Add(chunk(0x04, 0xff, 0xff, 0xff, 0, 0, 200, 8, 1, 0, 0, 0, 0x01, 0, 0, 0, fill(128), 0xc4, fill(72)))
	f.Add(chunk(0x02, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Limits{Media: 1 << 16, Command: 1 << 14, ChunkStreams: 8, Partial: 1 << 17}
		r := NewReader(bufio.NewReader(bytes.NewReader(b)), l)
		for {
			m, err := r.Next()
			if err != nil {
				return
			}
			if len(m.Body) > l.Media || r.held > l.Partial {
				t.Fatalf("%d bytes in a message, %d held", len(m.Body), r.held)
			}
			_, _ = ParseCommand(m.Type, m.Body)
			_, _ = ParseData(m.Type, m.Body)
		}
	})
}

// FuzzAMF checks that whatever parses can be encoded and parses to the same.
func FuzzAMF(f *testing.F) {
	body, _ := Command{Name: "connect", Transaction: 1, Args: []any{map[string]any{"app": "live"}, nil, []any{"a", 1.0}}}.Command()
	f.Add(body)
	f.Add([]byte{2, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 1, 'k', 6, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ParseCommand(TypeCommandAMF0, b); err != nil && !errors.Is(err, ErrProtocol) {
			t.Fatalf("untyped error %v", err)
		}
	})
}
