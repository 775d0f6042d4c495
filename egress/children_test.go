package egress

// children are the processes that run now.
func (p *program) children() (video, audio int, decoders []int) {
	for _, pl := range p.scene.Load().tiles {
		if pl.feed != nil {
			decoders = append(decoders, pl.feed.pids()...)
		}
	}
	return p.video.PID(), p.audio.PID(), decoders
}

// pids are the decoder children that run now.
func (f *feed) pids() (out []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range []*intake{f.cur, f.next} {
		if in != nil {
			if pid := in.dec.PID(); pid != 0 {
				out = append(out, pid)
			}
		}
	}
	return out
}
