package tap

// The RTP payload types of H.264 (RFC 6184 §5.2) and the NAL unit types that
// make a key frame.
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

var startCode = []byte{0, 0, 0, 1}

// appendH264 appends what a payload holds to a frame in Annex B form. sps and
// idr tell what begins in it.
func appendH264(frame, b []byte) (out []byte, sps, idr bool, err error) {
	if len(b) < 2 {
		return frame, false, false, errPayload
	}
	switch kind := b[0] & 0x1f; {
	case kind >= 1 && kind <= 23:
		frame = append(append(frame, startCode...), b...)
		return frame, kind == nalSPS, kind == nalIDR, nil
	case kind == nalSTAPA:
		return appendSTAPA(frame, b[1:])
	case kind == nalFUA:
		if len(b) < 3 {
			return frame, false, false, errPayload
		}
		// indicator |F|NRI|28| then header |S|E|R|type|
		if b[1]&0x80 != 0 {
			frame = append(append(frame, startCode...), b[0]&0xe0|b[1]&0x1f)
			sps, idr = b[1]&0x1f == nalSPS, b[1]&0x1f == nalIDR
		}
		return append(frame, b[2:]...), sps, idr, nil
	}
	return frame, false, false, errPayload
}

// appendSTAPA appends the units of an aggregation packet, each after its length.
func appendSTAPA(frame, b []byte) (out []byte, sps, idr bool, err error) {
	for len(b) > 2 {
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || len(b) < 2+n {
			return frame, sps, idr, errPayload
		}
		unit := b[2 : 2+n]
		frame = append(append(frame, startCode...), unit...)
		sps = sps || unit[0]&0x1f == nalSPS
		idr = idr || unit[0]&0x1f == nalIDR
		b = b[2+n:]
	}
	return frame, sps, idr, nil
}
