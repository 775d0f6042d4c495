package egress

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// TestChildrenDieAtRandom kills a child every second or so while people come and
// go, and wants timestamps without a gap. MEETCAST_CHAOS is for how many seconds;
// it is short unless asked for.
func TestChildrenDieAtRandom(t *testing.T) {
	t.Parallel()
	seconds := 4
	if s, err := strconv.Atoi(os.Getenv("MEETCAST_CHAOS")); err == nil {
		seconds = s
	}
	rnd := rand.New(rand.NewPCG(uint64(seconds), 1))
	room := newRoom()
	var all []track.MemberView
	for i, codec := range []packet.Codec{packet.VP8, packet.H264, packet.VP8} {
		id := track.MemberID('a' + rune(i))
		cam := newPublisher(t, id, track.Camera, pictureClip(t, codec, colourSource("20a030"), "1000", 15)).start()
		mic := newPublisher(t, id, track.Microphone, soundClip(t, "sine=f=440:d=2")).start()
		all = append(all, track.MemberView{ID: id, Name: string(id), Tracks: []track.UpTrack{cam.up, mic.up}})
	}
	m, push := newTestManager(t, nil)
	if _, err := m.Start(t.Context(), Request{Room: room, Stream: "chaos"}); err != nil {
		t.Fatal(err)
	}
	f, p := push(), m.jobs[room.ID()].program
	for f.now() < time.Duration(seconds)*time.Second {
		v, a, dec := p.children()
		if pids := append(dec, v, a); rnd.IntN(2) == 0 {
			if pid := pids[rnd.IntN(len(pids))]; pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		n := rnd.IntN(4)
		room.update(func(s *track.Snapshot) { s.Members = all[:n] })
		_ = m.SetLayout(room.ID(), []string{"grid", "speaker"}[rnd.IntN(2)])
		f.until(t, f.now()+time.Duration(200+rnd.IntN(800))*time.Millisecond)
	}
	st, err := m.Stop(t.Context(), room.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", st.Stats)
	checkGapless(t, f, testFPS)
	ends := map[media.Kind]time.Duration{}
	for _, s := range f.list {
		ends[s.Kind] = s.PTS
	}
	if off := (ends[media.Video] - ends[media.Audio]).Abs(); off > 300*time.Millisecond {
		t.Errorf("picture and sound end %v apart", off)
	}
}
