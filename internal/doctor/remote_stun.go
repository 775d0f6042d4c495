package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// resendEvery is the pause between requests over what may lose packets.
const resendEvery = 300 * time.Millisecond

// check builds a Binding request: a connectivity check with credentials (RFC 8445
// §7.2.2), a plain question without.
func check(c *credentials) (*stun.Message, error) {
	setters := []stun.Setter{stun.BindingRequest, stun.TransactionID}
	if c == nil {
		return stun.Build(append(setters, stun.Fingerprint)...)
	}
	return stun.Build(append(setters, stun.NewUsername(c.theirs+":"+c.ours), ice.AttrControlling(1), ice.PriorityAttr(1),
		stun.NewShortTermIntegrity(c.password), stun.Fingerprint)...)
}

// ask sends a request and waits for its answer: over UDP again and again, over TCP
// once, in frames (RFC 4571) or bare as TURN servers take it.
func ask(ctx context.Context, network, address string, c *credentials) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	m, err := check(c)
	if err != nil {
		return err
	}
	transport := network
	if network == "turn-tcp" {
		transport = "tcp"
	}
	conn, err := new(net.Dialer).DialContext(ctx, transport, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	switch network {
	case "udp":
		return askAgain(conn.Write, conn.Read, conn.SetReadDeadline, m, deadline)
	case "tcp":
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(m.Raw))), m.Raw...)
		return askOnce(conn, framed, m, deadline, 2)
	}
	return askOnce(conn, m.Raw, m, deadline, 0)
}

func askOnce(conn net.Conn, b []byte, m *stun.Message, deadline time.Time, header int) error {
	_ = conn.SetDeadline(deadline)
	if _, err := conn.Write(b); err != nil {
		return err
	}
	reply := make([]byte, header+20)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return err
	}
	return answers(append(reply[header:], readRest(conn, reply[header:])...), m)
}

// readRest reads the attributes of a message whose header is there.
func readRest(conn net.Conn, head []byte) []byte {
	rest := make([]byte, min(int(binary.BigEndian.Uint16(head[2:])), 1500))
	n, _ := io.ReadFull(conn, rest)
	return rest[:n]
}

func askAgain(write, read func([]byte) (int, error), readBy func(time.Time) error, m *stun.Message, deadline time.Time) error {
	b := make([]byte, 1500)
	var last error
	for time.Now().Before(deadline) {
		if _, err := write(m.Raw); err != nil {
			last = err
		}
		next := time.Now().Add(resendEvery)
		for {
			_ = readBy(next)
			n, err := read(b)
			if err != nil {
				var late net.Error
				if !errors.As(err, &late) || !late.Timeout() {
					last = err
					time.Sleep(time.Until(next))
				}
				break
			}
			if answers(b[:n], m) == nil {
				return nil
			}
		}
	}
	if last != nil {
		return last
	}
	return context.DeadlineExceeded
}

// answers tells whether bytes answer a request well.
func answers(b []byte, m *stun.Message) error {
	r := &stun.Message{Raw: b}
	if err := r.Decode(); err != nil {
		return err
	}
	if r.TransactionID != m.TransactionID {
		return errors.New("an answer to something else")
	}
	if r.Type != stun.BindingSuccess {
		return fmt.Errorf("refused: %v", r.Type)
	}
	return nil
}

// bindingFinding asks a port without credentials.
func bindingFinding(ctx context.Context, name, network, address string) Finding {
	f := Finding{Check: name, Text: address + " answers"}
	if err := ask(ctx, network, address, nil); err != nil {
		f.Level, f.Text = Warning, address+": "+plain(err)
		f.Todo = openPort(network, address)
	}
	return f
}

// openPort says what to do about a port that cannot be reached.
func openPort(network, address string) string {
	_, port, _ := net.SplitHostPort(address)
	protocol := "UDP"
	if network != "udp" {
		protocol = "TCP"
	}
	return fmt.Sprintf("open %s port %s in the firewall; in a container or behind NAT map it to the same number", protocol, port)
}
