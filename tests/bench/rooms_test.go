//go:build bench

package bench

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
)

// crowd is what the participants of many or large rooms send: three layers of
// 640×360, 320×180 and 160×90, the full one at the bit rate given, the others at a
// quarter and a thirteenth (not below 20 kbit/s), and Opus at 32 kbit/s with DTX.
// It is less than a camera sends, so that hundreds of bots and the server fit on
// two cores in real time: what is looked at is the number of people, slots and
// packets, not of bytes.
func crowd(fps, kbps int, flags ...string) []string {
	return append(flags, "--simulcast", "--width", "640", "--height", "360", "--fps", strconv.Itoa(fps), "--kbps", strconv.Itoa(kbps),
		"--tile", "160x90", "--dtx", "--view", "speaker", "--joins", "25", "--duration", crowdTime.String())
}

const crowdTime = 15 * time.Second

// The large room.
const (
	bigMembers = 500
	bigCameras = 30
)

// benchBigRoom: 500 in one room, 30 of them with camera and microphone, three
// speaking at a time in turns of five seconds; everybody has nine video slots,
// the dominant speaker in the large layer and eight in the small one, and the
// audio slots that the server proposes (three). At 6 frames a second this is
// about 215 packets a second for each of them, 150 of which are sound.
func benchBigRoom(t *testing.T) {
	fmt.Println("load before:", loadAverage())
	r := load(t, crowd(6, 200, "--publishers", strconv.Itoa(bigCameras), "--subscribers", strconv.Itoa(bigMembers-bigCameras),
		"--video-slots", "9", "--speakers", "3")...)
	figure("bigroom_server_cores", r.Server.CPU/100, "cores")
	figure("bigroom_us_per_packet", r.Server.CPUPerPacket, "us")
	figure("bigroom_signaling_messages_per_second", r.Media.Messages, "messages/s")
	figure("bigroom_signaling_messages_per_member", r.Media.Messages/bigMembers, "messages/s")
	figure("bigroom_slot_switch_p50_ms", r.Media.SwitchP50, "ms")
	figure("bigroom_slot_switch_p95_ms", r.Media.SwitchP95, "ms")
	figure("bigroom_renegotiations", float64(r.Media.Renegotiations), "offers")
	figure("bigroom_join_p95_ms", r.Joins.ConnectedP95, "ms")
	figure("bigroom_join_others_loss_percent", r.Joining.LossPercent, "percent")
	figure("bigroom_key_frame_requests", float64(r.Media.KeyFrameRequests), "requests")
	figure("bigroom_paused_layers", float64(r.Media.PausedLayers), "layers")
	figure("bigroom_foreign_frames", float64(r.Media.Foreign), "frames")
	figure("bigroom_rss_kb_per_member", float64(r.Server.RSS-r.idle)/bigMembers, "KB")
	r.health("bigroom_")
	fmt.Println("load after:", loadAverage())
}

const (
	manyRooms   = 50
	roomMembers = 8
)

// benchRooms: 50 rooms of 8 who all send and receive, one of each room speaking,
// who is shown in the large layer and the others as thumbnails.
func benchRooms(t *testing.T) {
	fmt.Println("load before:", loadAverage())
	r := load(t, crowd(10, 250, "--rooms", strconv.Itoa(manyRooms), "--publishers", strconv.Itoa(roomMembers), "--subscribers", "0",
		"--speakers", "1")...)
	figure("rooms_server_cores", r.Server.CPU/100, "cores")
	figure("rooms_us_per_packet", r.Server.CPUPerPacket, "us")
	figure("rooms_loss", r.Media.LossPercent, "percent")
	figure("rooms_packets_in_per_second", float64(r.Media.PacketsIn)/r.Measured, "packets/s")
	figure("rooms_join_p95_ms", r.Joins.ConnectedP95, "ms")
	figure("rooms_slot_switch_p95_ms", r.Media.SwitchP95, "ms")
	figure("rooms_paused_layers", float64(r.Media.PausedLayers), "layers")
	figure("rooms_rss_kb_per_member", float64(r.Server.RSS-r.idle)/(manyRooms*roomMembers), "KB")
	r.health("rooms_")
	fmt.Println("load after:", loadAverage())
}

// benchDynacast: the uplink of one simulcast publisher while ten watch it in
// full size, while they watch thumbnails, and while nobody has a picture of it.
// Four seconds pass first, for a layer is stopped two seconds after the last look.
func benchDynacast(t *testing.T) {
	uplink := func(flags ...string) loadtest.Media {
		return load(t, append(flags, "--publishers", "1", "--subscribers", "10", "--no-receive", "--simulcast", "--settle", "4s", "--duration", "5s")...).Media
	}
	large := uplink("--no-audio", "--tile", "1280x720")
	small := uplink("--no-audio", "--tile", "160x90")
	nobody := uplink("--video-slots=-1", "--dtx")
	figure("dynacast_large_kbps", large.BitrateIn/1000, "kbps")
	figure("dynacast_small_kbps", small.BitrateIn/1000, "kbps")
	figure("dynacast_nobody_kbps", nobody.BitrateIn/1000, "kbps")
	figure("dynacast_large_paused_layers", float64(large.PausedLayers), "layers")
	figure("dynacast_small_paused_layers", float64(small.PausedLayers), "layers")
	figure("dynacast_nobody_paused_layers", float64(nobody.PausedLayers), "layers")
}
