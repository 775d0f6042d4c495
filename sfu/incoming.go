package sfu

import (
	"encoding/binary"

	"github.com/meetcast/meetcast/sfu/jsep"
)

// incoming is an RTP packet of the client as far as it must be known to find where
// it belongs.
type incoming struct {
	b           []byte
	ssrc        uint32
	seq         uint16
	timestamp   uint32
	payloadType uint8
	payload     int // where it begins
	end         int // where it ends: before the padding

	twcc       uint16
	hasTWCC    bool
	mid        []byte
	rid        []byte
	repairedID []byte
}

// scan reads the fixed header (RFC 3550 §5.1) and of the extensions (RFC 8285 §4)
// those that say where the packet belongs. It is false for what is not RTP.
func (p *incoming) scan(b []byte, ids jsep.Routing) bool {
	if len(b) < 12 || b[0]>>6 != 2 {
		return false
	}
	*p = incoming{b: b, payloadType: b[1] & 0x7f, seq: binary.BigEndian.Uint16(b[2:]),
		timestamp: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]), end: len(b)}
	p.payload = 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < p.payload+4 {
			return false
		}
		profile, words := binary.BigEndian.Uint16(b[p.payload:]), int(binary.BigEndian.Uint16(b[p.payload+2:]))
		at := p.payload + 4
		p.payload = at + 4*words
		if len(b) < p.payload {
			return false
		}
		switch {
		case profile == 0xbede:
			p.oneByte(b[at:p.payload], ids)
		case profile>>4 == 0x100:
			p.twoByte(b[at:p.payload], ids)
		}
	}
	if b[0]&0x20 != 0 {
		p.end -= int(b[len(b)-1])
	}
	return p.end >= p.payload && p.payload <= len(b)
}

// oneByte reads elements of RFC 8285 §4.2.
func (p *incoming) oneByte(b []byte, ids jsep.Routing) {
	for len(b) > 0 {
		id, n := b[0]>>4, int(b[0]&0x0f)+1
		switch {
		case b[0] == 0: // padding
			b = b[1:]
			continue
		case id == 15 || 1+n > len(b):
			return
		}
		p.element(id, b[1:1+n], ids)
		b = b[1+n:]
	}
}

// twoByte reads elements of RFC 8285 §4.3.
func (p *incoming) twoByte(b []byte, ids jsep.Routing) {
	for len(b) > 1 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		n := int(b[1])
		if 2+n > len(b) {
			return
		}
		p.element(b[0], b[2:2+n], ids)
		b = b[2+n:]
	}
}

func (p *incoming) element(id uint8, value []byte, ids jsep.Routing) {
	switch id {
	case ids.TransportCC:
		if len(value) >= 2 {
			p.twcc, p.hasTWCC = binary.BigEndian.Uint16(value), true
		}
	case ids.Mid:
		p.mid = value
	case ids.RID:
		p.rid = value
	case ids.RepairedRID:
		p.repairedID = value
	}
}
