package transport

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/sfu/netio"
)

const (
	// maxPaths is how many addresses of a peer are known at a time.
	maxPaths = 8
	// takeover is how long a peer must be silent until another one may have its
	// address.
	takeover = 2 * time.Second
	// renominate is how long a path of higher priority keeps the nomination that is
	// not renewed. Agents that nominate every pair (RFC 5245 §8.1.1.2) mean the best;
	// the others renew only what they use.
	renominate = time.Second
)

// credentials are of one ICE generation: ours, and the peer's user name.
type credentials struct {
	ufrag, pwd string
	peer       string // "" before SetRemote
}

// newCredentials makes random ones: 72 and 144 bits (RFC 8445 §5.3 asks for 24 and
// 128).
func newCredentials() credentials {
	text := rand.Text() + rand.Text() // 52 characters of five bits
	return credentials{ufrag: text[:15], pwd: text[15:45]}
}

// check tells what is wrong with what a peer says about itself (RFC 8839 §5.4).
func (r Remote) check() error {
	switch {
	case !iceString(r.Ufrag, 4):
		return fmt.Errorf("%w: ICE user name", ErrParameters)
	case !iceString(r.Pwd, 22):
		return fmt.Errorf("%w: ICE password", ErrParameters)
	case r.DTLSRole > Client:
		return fmt.Errorf("%w: DTLS role", ErrParameters)
	case len(r.Fingerprints) > 16:
		return fmt.Errorf("%w: too many fingerprints", ErrParameters)
	case !slices.ContainsFunc(r.Fingerprints, func(f Fingerprint) bool { return strong(f.Algorithm) && len(f.Value) <= 191 }):
		return fmt.Errorf("%w: no fingerprint of a known algorithm", ErrParameters)
	}
	return nil
}

// iceString checks the characters and the length of a user name or password.
func iceString(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_=", c) >= 0) {
			return false
		}
	}
	return true
}

// path is an address of the peer that has proved itself by an authentic request.
type path struct {
	conn    *Conn
	address netip.AddrPort
	tcp     *client // nil for UDP
	out     netio.Outlet

	// Under Conn.mu.
	generation string    // our user name when it was checked last
	priority   uint32    // as the peer says
	checked    time.Time // the last request
	nominated  time.Time // the last one with USE-CANDIDATE, zero for none
}

// send sends a packet that is no media, past the queue.
func (pa *path) send(b []byte) {
	if pa.tcp != nil {
		pa.tcp.write(b)
		return
	}
	_ = pa.conn.port.cfg.Sockets.Send(b, pa.address)
}

// binding takes a STUN message. Only requests count: a lite agent sends none, so
// answers are strangers', and indications say nothing that media does not.
func (p *Port) binding(b []byte, from source, now time.Time) {
	r, err := parseSTUN(b)
	if err != nil {
		p.drops[DropMalformed].Add(1)
		return
	}
	if r.kind != typeRequest {
		if r.kind != typeIndication {
			p.drops[DropStranger].Add(1)
		}
		return
	}
	if len(r.username) == 0 && r.integrity == 0 && r.unknowns == 0 {
		// Nobody's check, as of STUN clients (RFC 8489 §3): `meetcast doctor` asks
		// whether the port can be reached. It proves and costs nothing.
		a := newAnswer(typeSuccess, r.transaction)
		a.mapped(from.address)
		p.reply(a.seal(), from)
		return
	}
	ours, theirs, _ := bytes.Cut(r.username, []byte(":"))
	c := p.user(ours)
	if c == nil {
		p.drops[DropUser].Add(1)
		return
	}
	reply, why := c.binding(&r, b, ours, theirs, from, now)
	if why != accepted {
		c.drop(Drop(why))
		return
	}
	p.reply(reply, from)
}

func (p *Port) reply(b []byte, to source) {
	if to.tcp != nil {
		to.tcp.write(b)
	} else {
		_ = p.cfg.Sockets.Send(b, to.address)
	}
	p.requests.Add(1)
}

// binding checks a request and returns the answer.
func (c *Conn) binding(r *request, b, ours, theirs []byte, from source, now time.Time) ([]byte, verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.local, func(l credentials) bool { return l.ufrag == string(ours) })
	if i < 0 || c.closed || c.local[i].peer == "" || c.local[i].peer != string(theirs) {
		return nil, verdict(DropUser)
	}
	l := c.local[i]
	if !r.authentic(b, l.pwd) {
		return nil, verdict(DropIntegrity)
	}
	switch {
	case r.unknowns > 0: // RFC 8489 §6.3.1
		a := newAnswer(typeError, r.transaction)
		a.fail(420, "Unknown Attribute")
		var list []byte
		for _, u := range r.unknown[:r.unknowns] {
			list = binary.BigEndian.AppendUint16(list, u)
		}
		a.add(attrUnknown, list)
		return a.sign(l.pwd), accepted
	case r.controlled: // a lite agent is controlled itself (RFC 8445 §7.3.1.1)
		a := newAnswer(typeError, r.transaction)
		a.fail(487, "Role Conflict")
		return a.sign(l.pwd), accepted
	}
	pa := c.pathLocked(from, now)
	if pa == nil {
		return nil, verdict(DropTaken)
	}
	pa.generation, pa.priority, pa.checked = l.ufrag, r.priority, now
	c.hear(now)
	if from.tcp != nil {
		from.tcp.prove()
	}
	if r.useCandidate {
		pa.nominated = now
		c.nominateLocked(pa, now)
	}
	c.updateLocked(now)
	a := newAnswer(typeSuccess, r.transaction)
	a.mapped(from.address)
	return a.sign(l.pwd), accepted
}

// pathLocked returns the path of an address, a new one if need be; nil when the
// address is another peer's.
func (c *Conn) pathLocked(from source, now time.Time) *path {
	for _, pa := range c.paths {
		if pa.address == from.address && pa.tcp == from.tcp {
			if from.tcp == nil && c.port.path(from.address) != pa && !c.port.claim(pa, now) {
				return nil
			}
			return pa
		}
	}
	pa := &path{conn: c, address: from.address, tcp: from.tcp}
	if from.tcp != nil {
		if !from.tcp.bind(pa) {
			return nil
		}
		pa.out = from.tcp
	} else {
		out, err := c.port.cfg.Sockets.Outlet(from.address)
		if err != nil || !c.port.claim(pa, now) {
			return nil
		}
		pa.out = out
	}
	if len(c.paths) >= maxPaths {
		c.evictLocked()
	}
	c.paths = append(c.paths, pa)
	return pa
}

// evictLocked forgets the path that was checked longest ago, except the nominated.
func (c *Conn) evictLocked() {
	old := -1
	for i, pa := range c.paths {
		if pa != c.nominated && (old < 0 || pa.checked.Before(c.paths[old].checked)) {
			old = i
		}
	}
	pa := c.paths[old]
	c.paths = slices.Delete(c.paths, old, old+1)
	c.port.release(pa)
	if pa.tcp != nil {
		pa.tcp.end()
	}
}

// staleLocked takes paths out that nobody has checked for long.
func (c *Conn) staleLocked(now time.Time) []*path {
	var stale []*path
	c.paths = slices.DeleteFunc(c.paths, func(pa *path) bool {
		if pa == c.nominated || now.Sub(pa.checked) < c.port.cfg.Failed {
			return false
		}
		if pa.tcp != nil {
			pa.tcp.end()
		}
		stale = append(stale, pa)
		return true
	})
	return stale
}

// nominateLocked makes a path the one that we send to, if it is better than the one
// so far: of a newer generation, of no lower priority, or the only one that the peer
// still nominates.
func (c *Conn) nominateLocked(pa *path, now time.Time) {
	cur := c.nominated
	newest := c.local[len(c.local)-1].ufrag
	if cur != pa && cur != nil {
		fresher := pa.generation == newest && cur.generation != newest
		staler := pa.generation != newest && cur.generation == newest
		if staler || !fresher && pa.priority < cur.priority && now.Sub(cur.nominated) < renominate {
			return
		}
	}
	if cur != pa {
		c.nominated = pa
		c.count.nominations.Add(1)
		c.log.Debug("media path", "address", pa.address.String(), "tcp", pa.tcp != nil)
	}
	if pa.generation == newest && len(c.local) > 1 { // the restart is done
		c.port.rename(c, c.local[0].ufrag, false)
		c.local = slices.Delete(c.local, 0, 1)
	}
	c.shakeLocked()
}
