package tap

import "errors"

// errPayload tells that an RTP payload is malformed.
var errPayload = errors.New("malformed payload")

// vp8Payload strips the payload descriptor (RFC 7741 §4.2) and tells whether
// the packet begins a frame.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|X|R|N|S|R| PID |  required
//	|I|L|T|K| RSV   |  when X
//	|M| PictureID   |  when I, two bytes when M
//	|   TL0PICIDX   |  when L
//	|TID|Y| KEYIDX  |  when T or K
func vp8Payload(b []byte) (data []byte, start bool, err error) {
	if len(b) < 2 {
		return nil, false, errPayload
	}
	head, n := b[0], 1
	if head&0x80 != 0 {
		ext := b[1]
		n = 2
		if ext&0x80 != 0 {
			if len(b) <= n {
				return nil, false, errPayload
			}
			if b[n]&0x80 != 0 {
				n++
			}
			n++
		}
		if ext&0x40 != 0 {
			n++
		}
		if ext&0x30 != 0 {
			n++
		}
	}
	if len(b) <= n {
		return nil, false, errPayload
	}
	return b[n:], head&0x10 != 0 && head&0x07 == 0, nil
}

// vp8Key tells whether a frame is a key frame (RFC 6386 §9.1).
func vp8Key(frame []byte) bool {
	return len(frame) >= 10 && frame[0]&1 == 0 && frame[3] == 0x9d && frame[4] == 0x01 && frame[5] == 0x2a
}
