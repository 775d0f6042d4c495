package avproc

import (
	"sync"

	"github.com/meetcast/meetcast/egress/media"
)

// PicturePool recycles pictures of one size, so that a running broadcast
// allocates none. It is safe for concurrent use.
type PicturePool struct {
	width, height int

	mu   sync.Mutex
	free []*media.Picture
}

// NewPicturePool returns a pool of pictures of a size, even numbers.
func NewPicturePool(width, height int) *PicturePool {
	return &PicturePool{width: width, height: height}
}

// Get returns a picture with whatever was in it.
func (p *PicturePool) Get() *media.Picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		pic := p.free[n-1]
		p.free = p.free[:n-1]
		return pic
	}
	return media.NewPicture(p.width, p.height)
}

// Put takes a picture back; nil and pictures of another size are let go.
func (p *PicturePool) Put(pic *media.Picture) {
	if pic == nil || pic.Width != p.width || pic.Height != p.height {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < 32 {
		p.free = append(p.free, pic)
	}
}
