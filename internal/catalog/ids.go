package catalog

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
)

// The alphabets of random names; none needs quoting in a URL, a path or a store
// key.
const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	lower  = "abcdefghijklmnopqrstuvwxyz"
)

// randomText returns n random characters of an alphabet, each as likely.
func randomText(alphabet string, n int) string {
	limit := byte(256 / len(alphabet) * len(alphabet)) // above it, some would be likelier
	out := make([]byte, 0, n)
	for len(out) < n {
		var buf [32]byte
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if (limit == 0 || b < limit) && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// newStreamName returns a name like "aB3dE-9fGh1". Its 62^10 possibilities
// (almost 60 bits) cannot be searched over the network.
func newStreamName() string {
	return randomText(base62, 5) + "-" + randomText(base62, 5)
}

// newOrgID returns an id like "kx20vn3f1q"; it is part of meeting links.
func newOrgID() string {
	return randomText(lower, 1) + randomText(base36, 9)
}

// newStreamID returns a UUID version 7 (RFC 9562 §5.7) whose 12 bits after the
// milliseconds are the fraction of one (§6.2, method 3), so that the ids of one
// process sort in the order in which they were made.
func (c *Catalog) newStreamID() string {
	now := c.now()
	ticks := uint64(now.UnixMilli())<<12 | uint64(now.Nanosecond()%1e6)<<12/1e6
	c.mu.Lock()
	ticks = max(ticks, c.lastID+1)
	c.lastID = ticks
	c.mu.Unlock()

	var id [16]byte
	_, _ = rand.Read(id[8:])
	binary.BigEndian.PutUint64(id[:8], ticks>>12<<16|0x7000|ticks&0xfff)
	id[8] = id[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], id[0:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:36], id[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
