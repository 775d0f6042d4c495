package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The key file is JSON with PEM blocks, so that other tools can use the keys.
type keyFile struct {
	Keys []keyRecord `json:"keys"`
}

type keyRecord struct {
	KID     string     `json:"kid"`
	Created time.Time  `json:"created"`
	Retired *time.Time `json:"retired,omitempty"`
	// Private (PKCS #8) is there while the key signs, Public (PKIX) afterwards.
	Private string `json:"private,omitempty"`
	Public  string `json:"public,omitempty"`
}

const (
	pemPrivate = "PRIVATE KEY"
	pemPublic  = "PUBLIC KEY"
	maxKeyFile = 1 << 20
)

func encodeKeys(keys []*signingKey) ([]byte, error) {
	var file keyFile
	for _, key := range keys {
		rec := keyRecord{KID: key.kid, Created: key.created}
		if key.private != nil {
			der, err := x509.MarshalPKCS8PrivateKey(key.private)
			if err != nil {
				return nil, fmt.Errorf("encode private key: %w", err)
			}
			rec.Private = string(pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}))
		} else {
			der, err := x509.MarshalPKIXPublicKey(key.public)
			if err != nil {
				return nil, fmt.Errorf("encode public key: %w", err)
			}
			rec.Public = string(pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}))
			retired := key.retired.UTC()
			rec.Retired = &retired
		}
		file.Keys = append(file.Keys, rec)
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	return append(data, '\n'), nil
}

func decodeKeys(data []byte) ([]*signingKey, error) {
	var file keyFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("decode keys: %w", err)
	}
	var keys []*signingKey
	for i, rec := range file.Keys {
		key, err := rec.key()
		if err != nil {
			return nil, fmt.Errorf("decode key %d: %w", i+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || keys[0].private == nil {
		return nil, errors.New("the first key has no private half")
	}
	return keys, nil
}

func (rec keyRecord) key() (*signingKey, error) {
	key := &signingKey{created: rec.Created}
	if rec.Private != "" {
		parsed, err := parsePEM(rec.Private, pemPrivate, x509.ParsePKCS8PrivateKey)
		if err != nil {
			return nil, err
		}
		private, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("not an RSA key")
		}
		key.private, key.public = private, &private.PublicKey
	} else {
		parsed, err := parsePEM(rec.Public, pemPublic, x509.ParsePKIXPublicKey)
		if err != nil {
			return nil, err
		}
		public, ok := parsed.(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("not an RSA key")
		}
		if rec.Retired == nil {
			return nil, errors.New("a key without its private half has no retirement date")
		}
		key.public, key.retired = public, *rec.Retired
	}
	if key.public.N.BitLen() < keyBits {
		return nil, fmt.Errorf("the RSA key is shorter than %d bits", keyBits)
	}
	key.kid = thumbprint(key.public)
	return key, nil
}

func parsePEM[T any](text, kind string, parse func([]byte) (T, error)) (T, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != kind {
		var zero T
		return zero, fmt.Errorf("no PEM block %q", kind)
	}
	return parse(block.Bytes)
}

// readFile reads the key file and says which version of it was read. A file
// that others could read is closed to them.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	stamp, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if stamp.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return nil, nil, fmt.Errorf("close key file to others: %w", err)
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	return data, stamp, err
}

// writeFile replaces a file as a whole or not at all: a power cut leaves the
// old or the new content.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write key file: %w", err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// lockFile takes a lock that other processes respect, and waits for it.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
