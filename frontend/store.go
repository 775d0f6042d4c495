package frontend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
	"time"
)

// store holds every built file with its compressed forms. It is read once, at
// the start, and never changes: the bytes are those of the binary.
type store struct {
	files map[string]*file
	// modified is zero: embedded files have no time, the ETag does the work.
	modified time.Time
}

type file struct {
	contentType string
	// variants, best compression first; the last is the file as it is.
	variants []variant
}

type variant struct {
	encoding string // of Content-Encoding; empty for the file as it is
	etag     string
	data     []byte
}

func (v variant) reader() io.ReadSeeker { return bytes.NewReader(v.data) }

// encodings are the compressed forms that the build writes, best first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

func newStore(files fs.FS) *store {
	s := &store{files: map[string]*file{}}
	// A walk over embedded files cannot fail half-way; what cannot be read is
	// simply not served.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || isCompressed(name) {
			return nil
		}
		if f := load(files, name); f != nil {
			s.files[name] = f
		}
		return nil
	})
	return s
}

func isCompressed(name string) bool {
	return strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz")
}

func load(files fs.FS, name string) *file {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return nil
	}
	f := &file{contentType: contentType(name)}
	for _, e := range encodings {
		if data, err := fs.ReadFile(files, name+e.suffix); err == nil {
			f.variants = append(f.variants, newVariant(e.name, data))
		}
	}
	f.variants = append(f.variants, newVariant("", plain))
	return f
}

func newVariant(encoding string, data []byte) variant {
	sum := sha256.Sum256(data)
	return variant{encoding: encoding, data: data, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

func (s *store) file(name string) (*file, bool) {
	f, ok := s.files[name]
	return f, ok
}

// pick returns the best variant that an Accept-Encoding header allows.
func (f *file) pick(accept string) variant {
	for _, v := range f.variants {
		if v.encoding == "" || accepts(accept, v.encoding) {
			return v
		}
	}
	return f.variants[len(f.variants)-1]
}

// accepts reads Accept-Encoding (RFC 9110 §12.5.3): a coding counts unless its
// weight is zero.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q := strings.ReplaceAll(params, " ", "")
		return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
	}
	return false
}

// contentType does not ask the system's tables, which differ between machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".ts", ".txt":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
