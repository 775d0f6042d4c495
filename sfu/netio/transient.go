package netio

import (
	"errors"
	"syscall"
)

// transient tells errors of reading after which the next packet may come: what the
// kernel was told about an earlier one that was sent (ICMP), or a lack of memory.
func transient(err error) bool {
	for _, e := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
