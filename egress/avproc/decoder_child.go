package avproc

import (
	"time"

	"github.com/meetcast/meetcast/internal/backoff"
)

// run keeps a child running until Close.
func (d *Decoder) run() {
	defer close(d.done)
	again := backoff.New(restarts)
	for {
		first, ok := d.take(nil)
		if !ok {
			return
		}
		before := d.pictures.Load()
		err := d.decode(first)
		select {
		case <-d.stop:
			return
		default:
		}
		d.crashes.Add(1)
		d.log.Warn("decoder child ended", "err", err)
		d.mu.Lock()
		d.dropLocked()
		d.mu.Unlock()
		if d.pictures.Load() > before {
			again.Reset()
		}
		select {
		case <-time.After(again.Next()):
		case <-d.stop:
			return
		}
		d.h.NeedKey()
	}
}

// decode runs one child from its first frame to its end.
func (d *Decoder) decode(first queuedFrame) error {
	child, err := Start(Command{Path: d.cfg.FFmpeg, Args: decodeArgs(d.cfg), Nice: d.cfg.Nice, Logger: d.log})
	if err != nil {
		return err
	}
	d.starts.Add(1)
	d.lastPicture.Store(time.Now().UnixNano())
	d.mu.Lock()
	d.child = child
	if d.closed {
		child.Kill()
	}
	d.mu.Unlock()

	fed := make(chan struct{})
	go d.feed(child, first, fed)
	readErr := d.read(child, first.pts)
	d.mu.Lock()
	d.child = nil
	d.mu.Unlock()
	child.finish(readErr)
	<-fed
	if err := child.Err(); err != nil {
		return err
	}
	return readErr
}

// feed writes frames to the child until either ends.
func (d *Decoder) feed(child *Child, first queuedFrame, fed chan<- struct{}) {
	defer close(fed)
	buf := appendIVFHead(nil, d.cfg.Codec, d.cfg.Width, d.cfg.Height, 1_000_000)
	unseen := 0
	var seen uint64
	for f, ok := first, true; ok; f, ok = d.take(child.Done()) {
		// Timestamps start near zero in each child: ffmpeg distrusts large ones.
		buf = appendIVFFrame(buf, f.data, (f.pts - first.pts).Microseconds())
		d.mu.Lock()
		d.recycleLocked(f.data)
		d.mu.Unlock()
		if _, err := child.In.Write(buf); err != nil {
			return
		}
		buf = buf[:0]
		d.frames.Add(1)
		if n := d.pictures.Load(); n != seen {
			seen, unseen = n, 0
		}
		unseen++
		if unseen > 60 && time.Since(time.Unix(0, d.lastPicture.Load())) > stallAfter {
			child.Kill()
			return
		}
	}
}

// read takes pictures from the child until it ends.
func (d *Decoder) read(child *Child, base time.Duration) error {
	r := NewNUTReader(child.Out)
	for {
		f, err := r.Next()
		if err != nil {
			return err
		}
		pic := d.pool.Get()
		if want := len(pic.Y) + len(pic.U) + len(pic.V); f.Size != want {
			d.pool.Put(pic)
			continue
		}
		for _, plane := range [][]byte{pic.Y, pic.U, pic.V} {
			if err := r.ReadData(plane); err != nil {
				d.pool.Put(pic)
				return err
			}
		}
		d.pictures.Add(1)
		d.lastPicture.Store(time.Now().UnixNano())
		s := r.Streams[f.Stream]
		pts := time.Duration(float64(f.PTS) * float64(s.Num) / float64(s.Den) * float64(time.Second))
		d.h.Picture(pic, base+pts.Round(time.Microsecond))
	}
}
