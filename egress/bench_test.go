package egress

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// BenchmarkBroadcast4 composes four people with 640×360 cameras at 720p30 for
// six seconds and reports the cores that the broadcast takes, its children and
// the four fake publishers included:
//
//	go test -run XXX -bench Broadcast4 -benchtime 1x ./egress
func BenchmarkBroadcast4(b *testing.B) {
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		b.Run(codec.String(), func(b *testing.B) {
			for range b.N {
				broadcast4(b, codec)
			}
		})
	}
}

func broadcast4(b *testing.B, codec packet.Codec) {
	const fps = 30
	room := newRoom()
	var members []track.MemberView
	for i := range 4 {
		id := track.MemberID(fmt.Sprint("m", i))
		cam := newPublisher(b, id, track.Camera, pictureClip(b, codec, "testsrc2=s=640x360:r=30:d=4", "1000", fps)).start()
		mic := newPublisher(b, id, track.Microphone, soundClip(b, "sine=f=440:d=2")).start()
		members = append(members, track.MemberView{ID: id, Name: "Somebody", Tracks: []track.UpTrack{cam.up, mic.up}})
	}
	room.update(func(s *track.Snapshot) { s.Members = members })
	m, push := newTestManager(b, func(c *Config) {
		c.Width, c.Height, c.FPS, c.VideoBitrate = 1280, 720, fps, 2_500_000
	})
	before := cpu()
	if _, err := m.Start(b.Context(), Request{Room: room, Stream: "s"}); err != nil {
		b.Fatal(err)
	}
	push().until(b, 6*time.Second)
	st, err := m.Stop(b.Context(), room.ID())
	if err != nil {
		b.Fatal(err)
	}
	self, children := cpu()[0]-before[0], cpu()[1]-before[1]
	shown := float64(st.Stats.FramesOut) / fps
	b.ReportMetric((self+children).Seconds()/shown, "cores")
	b.ReportMetric(self.Seconds()/shown, "cores-server")
	b.ReportMetric(float64(st.Stats.Duplicated), "duplicated")
}

// cpu is the time spent by this process and by its children that have ended.
func cpu() (out [2]time.Duration) {
	for i, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err == nil {
			out[i] = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return out
}
