package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/prf"
)

const (
	// flightAge is how long the last flight is kept for a peer that missed it, and
	// flightPause the least time between two repetitions.
	flightAge   = 30 * time.Second
	flightPause = 40 * time.Millisecond
	// maxRepeats bounds them: nobody is to make us send for ever.
	maxRepeats = 16
	// goodbyeNumber is the record number of our last record, far above those that
	// the handshake used.
	goodbyeNumber = 1 << 32
	// explicitNonce begins every encrypted record (RFC 5288 §3).
	explicitNonce = 8
)

// session is what is left of DTLS after the handshake: enough to repeat our last
// flight and to exchange good-byes. A dtls.Conn would keep goroutines and the whole
// handshake for it.
type session struct {
	local, remote cipher.AEAD // TLS_ECDHE_*_WITH_AES_128_GCM_SHA256
	localIV       [4]byte
	remoteIV      [4]byte

	flight   [][]byte // nil when it is not needed (any more)
	began    time.Time
	repeated time.Time
	repeats  int
	gone     bool // the peer said good-bye, or gave up
}

// newSession makes the record keys (RFC 5246 §6.3).
func newSession(h *handshakeConn, role Role) (*session, error) {
	h.log.mu.Lock()
	master, clientRandom := h.log.master, h.log.random
	h.log.mu.Unlock()
	h.mu.Lock()
	serverRandom, sent := h.serverRandom, h.sent
	h.mu.Unlock()
	keys, err := prf.GenerateEncryptionKeys(master, clientRandom, serverRandom, 0, 16, 4, sha256.New)
	if err != nil {
		return nil, fmt.Errorf("derive DTLS keys: %w", err)
	}
	client, err := newAEAD(keys.ClientWriteKey)
	if err != nil {
		return nil, err
	}
	server, err := newAEAD(keys.ServerWriteKey)
	if err != nil {
		return nil, err
	}
	s := &session{began: time.Now(), local: server, remote: client,
		localIV: [4]byte(keys.ServerWriteIV), remoteIV: [4]byte(keys.ClientWriteIV)}
	if role == Client {
		s.local, s.remote, s.localIV, s.remoteIV = s.remote, s.local, s.remoteIV, s.localIV
	} else {
		s.flight = sent // ours is the last one (RFC 6347 §4.2.4)
	}
	return s, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make DTLS cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// take takes a datagram and returns what is to be sent in answer.
func (s *session) take(b []byte, now time.Time) [][]byte {
	for _, r := range records(b) {
		switch {
		case r.kind == recordHandshake || r.kind == recordChange:
			if s.flight != nil && now.Sub(s.repeated) >= flightPause && s.repeats < maxRepeats {
				s.repeated = now
				s.repeats++
				return s.flight
			}
		case r.kind == recordAlert && r.epoch == 1:
			if level, description, ok := s.alert(r); ok && (level == alertFatal || description == alertClose) {
				s.gone = true
			}
		}
	}
	return nil
}

// age forgets the last flight when nobody can want it any more.
func (s *session) age(now time.Time) {
	if now.Sub(s.began) > flightAge {
		s.flight = nil
	}
}

const (
	alertWarning = 1
	alertFatal   = 2
	alertClose   = 0 // close_notify
)

// alert decrypts an alert; false when it is none of the peer's.
func (s *session) alert(r record) (level, description byte, ok bool) {
	n := len(r.body) - explicitNonce - tagLength
	if n != 2 {
		return 0, 0, false
	}
	nonce := append(s.remoteIV[:4:4], r.body[:explicitNonce]...)
	plain, err := s.remote.Open(nil, nonce, r.body[explicitNonce:], additional(r.header, n))
	if err != nil {
		return 0, 0, false
	}
	return plain[0], plain[1], true
}

// goodbye makes the record that ends the connection.
func (s *session) goodbye() []byte {
	header := make([]byte, recordLength, recordLength+explicitNonce+2+tagLength)
	header[0], header[1], header[2] = recordAlert, 0xFE, 0xFD // DTLS 1.2
	binary.BigEndian.PutUint64(header[3:], 1<<48|goodbyeNumber)
	binary.BigEndian.PutUint16(header[11:], explicitNonce+2+tagLength)
	out := append(header, header[3:11]...)
	nonce := append(s.localIV[:4:4], header[3:11]...)
	return s.local.Seal(out, nonce, []byte{alertWarning, alertClose}, additional(header, 2))
}

// additional makes the authenticated data of a record: its number, type, version and
// length in the clear (RFC 5246 §6.2.3.3).
func additional(header []byte, length int) []byte {
	aad := make([]byte, 0, recordLength)
	aad = append(aad, header[3:11]...)
	aad = append(aad, header[:3]...)
	return binary.BigEndian.AppendUint16(aad, uint16(length))
}
