package avproc

import (
	"encoding/binary"

	"github.com/meetcast/meetcast/sfu/packet"
)

// The sizes of IVF's heads, bytes.
const (
	ivfFileHead  = 32
	ivfFrameHead = 12
)

// appendIVFHead appends the file head of an IVF stream whose timestamps count
// in ticks of 1/rate seconds. The size is a hint only: decoders take it from
// the key frames.
//
//	"DKIF" version(2) head length(2) fourcc(4) width(2) height(2)
//	rate(4) scale(4) frames(4) unused(4), all little-endian
func appendIVFHead(b []byte, codec packet.Codec, width, height int, rate uint32) []byte {
	b = append(b, "DKIF"...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, ivfFileHead)
	if codec == packet.H264 {
		b = append(b, "H264"...)
	} else {
		b = append(b, "VP80"...)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(width))
	b = binary.LittleEndian.AppendUint16(b, uint16(height))
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, 0)
}

// appendIVFFrame appends one frame, size(4) and timestamp(8) before its bytes.
func appendIVFFrame(b []byte, data []byte, pts int64) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint64(b, uint64(pts))
	return append(b, data...)
}
