package packet

import (
	"errors"
	"fmt"
	"time"
)

// ErrMalformed is returned for a packet that is not RTP as of RFC 3550 §5.1.
var ErrMalformed = errors.New("malformed packet")

// DependencyDescriptorURI names the dependency descriptor of the AV1 RTP
// specification (appendix A) in SDP.
const DependencyDescriptorURI = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

// Extensions holds the negotiated ids of the RTP header extensions that Parse
// reads, 0 for those not negotiated.
type Extensions struct {
	AudioLevel uint8 // RFC 6464
	// DependencyDescriptor tells the layers of AV1, VP9 and H.264 frames:
	// DependencyDescriptorURI.
	DependencyDescriptor uint8
}

// Parse reads an RTP packet that fills buf. Header and Payload then share buf,
// and padding is cut off. The slices inside p.Header are used again, so parsing
// into the same Packet does not allocate. Codec, Layer and what lies inside the
// payload are not touched by Parse beyond being reset.
func (p *Packet) Parse(buf []byte, arrival time.Time, ext Extensions) error {
	header := p.Header
	*p = Packet{Arrival: arrival, Header: header}
	n, err := p.Header.Unmarshal(buf)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	end := len(buf)
	if p.Header.Padding {
		end -= int(buf[end-1])
		if buf[len(buf)-1] == 0 || end < n {
			return ErrMalformed
		}
		p.Header.Padding, p.Header.PaddingSize = false, 0
	}
	if p.Header.Version != 2 || end < n {
		return ErrMalformed
	}
	p.Payload = buf[n:end]
	if ext.AudioLevel != 0 {
		if v := p.Header.GetExtension(ext.AudioLevel); len(v) > 0 {
			p.HasAudioLevel, p.AudioLevel, p.Voice = true, v[0]&0x7f, v[0]&0x80 != 0
		}
	}
	if ext.DependencyDescriptor != 0 {
		p.Dependency.Raw = p.Header.GetExtension(ext.DependencyDescriptor)
	}
	return nil
}

// Bytes returns the size of header and payload on the wire before encryption.
func (p *Packet) Bytes() int { return p.Header.MarshalSize() + len(p.Payload) }
