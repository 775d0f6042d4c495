package codec

// The fields of RED (RFC 2198 §3): a timestamp offset of 14 bits and a length of
// ten, for each block but the last.
const (
	maxREDOffset = 1<<14 - 1
	maxREDBlock  = 1<<10 - 1
	// maxREDBlocks is how many redundant blocks are looked at; senders use two.
	maxREDBlocks = 8
)

// REDBlock is one redundant block: the payload of an earlier packet.
type REDBlock struct {
	Offset  uint16 // timestamp ticks before the packet's own
	Payload []byte
}

// RED is what ParseRED finds in one RTP payload. Its slices share the payload.
type RED struct {
	Primary []byte
	// Blocks are the redundant ones, the oldest first; the last is that of the
	// packet before.
	Blocks []REDBlock

	space [maxREDBlocks]REDBlock
}

// Parse reads a payload of RFC 2198 §3. The RED may be used again, without
// allocation.
//
//	|1| block PT(7) | timestamp offset (14) | length (10) |   redundant, 4 bytes
//	|0| block PT(7) |                                         primary, 1 byte
func (r *RED) Parse(b []byte) error {
	var lengths [maxREDBlocks]int
	r.Primary, r.Blocks = nil, r.space[:0]
	i := 0
	for ; i < len(b) && b[i]&0x80 != 0; i += 4 {
		if len(r.Blocks) == maxREDBlocks || len(b) < i+5 {
			return ErrMalformed
		}
		lengths[len(r.Blocks)] = int(b[i+2]&3)<<8 | int(b[i+3])
		r.Blocks = append(r.Blocks, REDBlock{Offset: uint16(b[i+1])<<6 | uint16(b[i+2]>>2)})
	}
	if i >= len(b) {
		return ErrMalformed
	}
	b = b[i+1:]
	for j := range r.Blocks {
		n := lengths[j]
		if n > len(b) {
			return ErrMalformed
		}
		r.Blocks[j].Payload, b = b[:n:n], b[n:]
	}
	r.Primary = b
	return nil
}

// FitsRED tells whether a payload of so many bytes, so many timestamp ticks ago,
// can be a redundant block.
func FitsRED(bytes int, ticks uint32) bool {
	return bytes <= maxREDBlock && ticks > 0 && ticks <= maxREDOffset
}

// AppendRED appends a payload with redundant blocks, the oldest first, to dst.
// Each must fit. The payload types are left zero for PutREDTypes.
func AppendRED(dst, primary []byte, blocks []REDBlock) []byte {
	for _, b := range blocks {
		n := len(b.Payload)
		dst = append(dst, 0x80, byte(b.Offset>>6), byte(b.Offset<<2)|byte(n>>8), byte(n))
	}
	dst = append(dst, 0)
	for _, b := range blocks {
		dst = append(dst, b.Payload...)
	}
	return append(dst, primary...)
}

// PutREDTypes writes the payload type of every block into a payload that has so
// many redundant ones.
func PutREDTypes(payload []byte, blocks int, payloadType uint8) {
	for i := range blocks {
		payload[4*i] = 0x80 | payloadType
	}
	payload[4*blocks] = payloadType & 0x7f
}
