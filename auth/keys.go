package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// KeysFile is the name of the key file inside a data directory.
const KeysFile = "signing-keys.json"

// keyBits is the RSA modulus; RFC 7518 §3.3 asks for 2048 or more.
const keyBits = 2048

// signingKey is one RSA key. A retired one has only its public half.
type signingKey struct {
	kid     string
	created time.Time
	retired time.Time // zero for the key that signs
	public  *rsa.PublicKey
	private *rsa.PrivateKey // nil once retired
}

// Keys is the set of signing keys in one file. The newest signs; a retired one
// still verifies until the last token that it can have signed has expired.
//
// Several processes may share the file: each sees at its next signature, or at
// the first token with an unknown kid, that another has rotated it.
type Keys struct {
	path string
	now  func() time.Time

	mu    sync.Mutex
	keys  []*signingKey // newest first, at least one
	stamp fs.FileInfo   // of the file when it was read
}

// OpenKeys reads the key file, or makes it with a new key on first start. Its
// directory is made when absent. A nil now is time.Now.
func OpenKeys(path string, now func() time.Time) (*Keys, error) {
	if now == nil {
		now = time.Now
	}
	k := &Keys{path: path, now: now}
	err := k.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = k.create()
	}
	if err != nil {
		return nil, fmt.Errorf("open signing keys: %w", err)
	}
	return k, nil
}

func (k *Keys) create() error {
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	unlock, err := lockFile(k.path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.load(); !errors.Is(err, fs.ErrNotExist) {
		return err // another process was faster
	}
	key, err := newSigningKey(k.now())
	if err != nil {
		return err
	}
	return k.replace([]*signingKey{key})
}

// Rotate makes a new key that signs from now on. Tokens that were signed before
// stay valid.
func (k *Keys) Rotate() error {
	unlock, err := lockFile(k.path + ".lock")
	if err != nil {
		return fmt.Errorf("rotate signing key: %w", err)
	}
	defer unlock()
	key, err := newSigningKey(k.now())
	if err != nil {
		return fmt.Errorf("rotate signing key: %w", err)
	}
	if err := k.load(); err != nil {
		return fmt.Errorf("rotate signing key: %w", err)
	}
	k.mu.Lock()
	keys := []*signingKey{key}
	for _, old := range k.keys {
		old := *old
		if old.private != nil {
			old.private, old.retired = nil, k.now()
		}
		keys = append(keys, &old)
	}
	k.mu.Unlock()
	if err := k.replace(keys); err != nil {
		return fmt.Errorf("rotate signing key: %w", err)
	}
	return nil
}

// replace writes the keys that still count and takes them.
func (k *Keys) replace(keys []*signingKey) error {
	keys = slices.DeleteFunc(keys, func(key *signingKey) bool { return key.over(k.now()) })
	data, err := encodeKeys(keys)
	if err != nil {
		return err
	}
	if err := writeFile(k.path, data); err != nil {
		return err
	}
	return k.load()
}

// load reads the file and takes its keys.
func (k *Keys) load() error {
	data, stamp, err := readFile(k.path)
	if err != nil {
		return err
	}
	keys, err := decodeKeys(data)
	if err != nil {
		return fmt.Errorf("read %s: %w", k.path, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.stamp = keys, stamp
	return nil
}

// refresh loads the file again if it changed. An unreadable file leaves the
// keys in use as they are: people in a meeting must not suffer from it.
func (k *Keys) refresh() {
	stamp, err := os.Stat(k.path)
	if err != nil {
		return
	}
	k.mu.Lock()
	same := os.SameFile(stamp, k.stamp) && stamp.ModTime().Equal(k.stamp.ModTime()) && stamp.Size() == k.stamp.Size()
	k.mu.Unlock()
	if !same {
		_ = k.load()
	}
}

// signer returns the key that signs now.
func (k *Keys) signer() *signingKey {
	k.refresh()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0]
}

// public returns the key that a token names, and false when none counts.
func (k *Keys) public(kid string) (*rsa.PublicKey, bool) {
	if key, ok := k.find(kid); ok {
		return key, true
	}
	k.refresh()
	return k.find(kid)
}

func (k *Keys) find(kid string) (*rsa.PublicKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.kid == kid && !key.over(k.now()) {
			return key.public, true
		}
	}
	return nil, false
}

// over tells whether every token that the key can have signed has expired.
func (s *signingKey) over(now time.Time) bool {
	return !s.retired.IsZero() && now.After(lifeEnd(s.retired).Add(2*Leeway))
}

func newSigningKey(now time.Time) (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make rsa key: %w", err)
	}
	return &signingKey{
		kid:     thumbprint(&private.PublicKey),
		created: now.UTC(),
		public:  &private.PublicKey,
		private: private,
	}, nil
}

// thumbprint names a key by its content, RFC 7638 §3.
func thumbprint(key *rsa.PublicKey) string {
	n, e := jwkNumbers(key)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// jwkNumbers returns modulus and exponent as in RFC 7518 §6.3.1.
func jwkNumbers(key *rsa.PublicKey) (n, e string) {
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
}
