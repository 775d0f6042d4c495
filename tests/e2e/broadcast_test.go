package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

// The programme of the tests: what testkit.StartServer configures.
const (
	width  = 320
	height = 180
	fps    = 15
)

// bot brings a person into a room without a browser.
func (p person) bot(t *testing.T, room *testkit.Room, token string, codec packet.Codec) *botclient.Bot {
	t.Helper()
	camera := p.camera
	return room.StartBot(t, botclient.Config{
		Token: token, Name: p.name,
		Publish: testkit.BotTracks(t, codec, &camera, &testkit.Microphone{Frequency: p.tone}),
	})
}

// goLive starts a broadcast and fails the test when it is refused.
func goLive(t *testing.T, bot *botclient.Bot, start wire.BroadcastStart) *wire.Broadcast {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := bot.Broadcast(ctx, start)
	if err != nil {
		t.Fatalf("start broadcast: %v", err)
	}
	if b.Status != wire.BroadcastLive {
		t.Fatalf("broadcast is %+v", b)
	}
	return b
}

// endShow stops a broadcast and returns its last status.
func endShow(t *testing.T, bot *botclient.Bot) *wire.Broadcast {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := bot.StopBroadcast(ctx)
	if err != nil {
		t.Fatalf("stop broadcast: %v", err)
	}
	return b
}

// recordURL copies a stream into a file and returns its name.
func recordURL(t *testing.T, url string, duration time.Duration) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "programme.mkv")
	ctx, cancel := context.WithTimeout(context.Background(), duration+patience)
	defer cancel()
	if err := testkit.Record(ctx, url, file, duration); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkForm: H.264 and AAC, one size, one frame rate, no hole.
func checkForm(t *testing.T, file string, atLeast time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	programme, err := testkit.Probe(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := programme.Check(testkit.Want{Width: width, Height: height, FPS: fps, MinDuration: atLeast}); err != nil {
		t.Error(err)
	}
}

// decode returns the pictures and the sound of a file.
func decode(t *testing.T, file string) *testkit.Decoded {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := testkit.Decode(ctx, file, width, height)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// grid returns the tile of each of n people, in the order of joining.
func grid(n int) []testkit.Rect {
	var tiles []testkit.Rect
	for _, r := range layout.Grid(n, width, height) {
		tiles = append(tiles, testkit.Rect{X: r.X, Y: r.Y, W: r.W, H: r.H})
	}
	return tiles
}

// checkGrid: every person's colour is in the tile where the layout puts it.
func checkGrid(t *testing.T, f testkit.TimedFrame, there ...person) {
	t.Helper()
	for i, tile := range grid(len(there)) {
		if got := f.CameraColour(tile); got != there[i].camera.Colour {
			t.Errorf("at %v tile %d shows %s, want %s's %s", f.At, i, got.Name, there[i].name, there[i].camera.Colour.Name)
		}
	}
}

// checkTones: everybody is heard.
func checkTones(t *testing.T, pcm []float32, there ...person) {
	t.Helper()
	for _, p := range there {
		if a := testkit.Tone(pcm, p.tone); a < 0.01 {
			t.Errorf("%s's tone of %.0f Hz has an amplitude of %.4f", p.name, p.tone, a)
		}
	}
	if a := testkit.Tone(pcm, 2500); a > 0.005 {
		t.Errorf("there is a tone that nobody plays, amplitude %.4f", a)
	}
}

// TestBroadcastOfBrowsers: what three browsers send comes out of the embedded
// ingest, and plays in a fourth on the player page.
func TestBroadcastOfBrowsers(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "show")
	there := people[:3]
	var moderator *testkit.Browser
	for i, p := range there {
		b := p.browser(t)
		token := room.Token
		if i > 0 {
			token = room.Invite(t, false)
		} else {
			moderator = b
		}
		b.Open(room.JoinURL(token, p.name))
		b.WaitFor(patience, testkit.Control("leave"))
	}
	moderator.Sees(patience, testkit.TileOf(there[2].name, "camera"), there[2].camera)
	moderator.Click(testkit.Control("broadcast-toggle"))
	moderator.Click(testkit.Control("broadcast-record"))
	moderator.Click(testkit.Control("broadcast-start"))
	moderator.WaitFor(patience, testkit.Control("broadcast-stop"))
	moderator.WaitFor(patience, testkit.Control("mark-live"))
	picture(t, moderator, "live")

	t.Run("player", func(t *testing.T) { watch(t, room, there, "ws") })
	t.Run("player by HLS", func(t *testing.T) { watch(t, room, there, "hls") })
	t.Run("ingest", func(t *testing.T) {
		file := recordURL(t, room.HLSURL(), 5*time.Second)
		checkForm(t, file, 3*time.Second)
		d := decode(t, file)
		checkGrid(t, d.Frames[len(d.Frames)-1], there...)
		checkTones(t, d.PCM, there...)
	})
	moderator.Click(testkit.Control("broadcast-stop"))
	moderator.WaitFor(patience, testkit.Control("broadcast-start"))
	t.Run("recording", func(t *testing.T) {
		vod := recordingLink(t, server, room)
		checkForm(t, vod, 3*time.Second)
		d := decode(t, vod)
		checkGrid(t, d.Frames[len(d.Frames)-1], there...)
		checkTones(t, d.PCM, there...)
	})
}

// watch opens the player page on one of its sources and looks at what it shows.
func watch(t *testing.T, room *testkit.Room, there []person, source string) {
	viewer := testkit.StartBrowser(t, testkit.BrowserOptions{Width: 960, Height: 600})
	viewer.Open(room.PlayerURL() + "&source=" + source)
	viewer.Wait(patience, "the player plays", `window.meetcastPlayer?.state === "playing"`)
	testkit.Until(t, patience, "the player shows everybody", func() error {
		f, err := viewer.Look("video")
		if err != nil {
			return err
		}
		for i, r := range layout.Grid(len(there), f.Width&^1, f.Height&^1) {
			tile := testkit.Rect{X: r.X, Y: r.Y, W: r.W, H: r.H}
			if got := f.CameraColour(tile); got != there[i].camera.Colour {
				return fmt.Errorf("tile %d of %d×%d shows %s", i, f.Width, f.Height, got.Name)
			}
		}
		return nil
	})
	viewer.Wait(patience, "the player tells its latency", "window.meetcastPlayer.latencyMs !== undefined")
	var latency float64
	if err := viewer.Eval(`window.meetcastPlayer.latencyMs`, &latency); err != nil {
		t.Error(err)
	}
	t.Logf("by "+source+" the player says it is %.0f ms behind", latency)
	picture(t, viewer, "player-"+source)
}

// recordingLink returns the link of the room's one recording, which the API lists.
func recordingLink(t *testing.T, server *testkit.Server, room *testkit.Room) string {
	t.Helper()
	var answer struct {
		VODs []string `json:"vods"`
	}
	testkit.Until(t, patience, "the recording is listed", func() error {
		if err := server.Call("GET", "/playout/"+room.Stream, nil, nil, &answer); err != nil {
			return err
		}
		if len(answer.VODs) != 1 {
			return fmt.Errorf("recordings are %v", answer.VODs)
		}
		return nil
	})
	return server.URL + answer.VODs[0]
}

// TestProgrammeGoesOn: people come, switch off, leave and come again; codecs
// differ; the programme has no gap and shows who is there.
func TestProgrammeGoesOn(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "goes_on")
	ann, bob, cid := people[0], people[1], people[2]
	moderator := ann.bot(t, room, room.Token, packet.VP8)
	guest := bob.bot(t, room, room.Invite(t, false), packet.H264)
	show := goLive(t, moderator, wire.BroadcastStart{Record: true})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	card := person{name: "a card", camera: testkit.Camera{Colour: testkit.None}}
	shows(t, room, ann, bob)
	if err := guest.Mute(ctx, track.Camera, true); err != nil {
		t.Fatal(err)
	}
	shows(t, room, ann, card)
	if err := guest.Leave(); err != nil {
		t.Fatal(err)
	}
	shows(t, room, ann)
	boss := moderatorElsewhere(t, room, moderator)
	shows(t, room, card) // nobody with a camera: the programme goes on all the same
	cid.bot(t, room, room.Invite(t, false), packet.VP8)
	shows(t, room, card, cid)
	endShow(t, boss)
	checkForm(t, recordingLink(t, server, room), 5*time.Second)
	if show.VOD == "" || show.Live == "" {
		t.Errorf("links are %+v", show)
	}
}

// moderatorElsewhere replaces the moderator by one without camera and voice.
func moderatorElsewhere(t *testing.T, room *testkit.Room, old *botclient.Bot) *botclient.Bot {
	t.Helper()
	if err := old.Leave(); err != nil {
		t.Fatal(err)
	}
	return room.StartBot(t, botclient.Config{Token: room.Token, Name: "Control", AudioSlots: botclient.AllSlots})
}

// shows waits until the programme shows these people in the grid.
func shows(t *testing.T, room *testkit.Room, there ...person) {
	t.Helper()
	testkit.Until(t, patience, fmt.Sprintf("the programme shows %d people", len(there)), func() error {
		d := decode(t, recordURL(t, room.HLSURL(), time.Second))
		last := d.Frames[len(d.Frames)-1]
		for i, tile := range grid(len(there)) {
			if got := last.CameraColour(tile); got != there[i].camera.Colour {
				return fmt.Errorf("tile %d shows %s, want %s", i, got.Name, there[i].name)
			}
		}
		return nil
	})
}

// TestLipSync: clap and flash of a bot, whose sound and picture begin together.
func TestLipSync(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "clap")
	const every = 2 * time.Second
	bot := room.StartBot(t, botclient.Config{Name: "Clap", Publish: testkit.BotTracks(t, packet.VP8,
		&testkit.Camera{Colour: testkit.Blue, FlashEvery: every},
		&testkit.Microphone{Frequency: 1000, BeepEvery: every})})
	goLive(t, bot, wire.BroadcastStart{Record: true})
	shows(t, room, person{name: "Clap", camera: testkit.Camera{Colour: testkit.Blue}})
	// Sender reports come every few seconds; the clap is judged once they are in.
	recordURL(t, room.HLSURL(), 8*time.Second)
	endShow(t, bot)
	d := decode(t, recordingLink(t, server, room))
	flashes, beeps := testkit.Flashes(d.Frames, testkit.Rect{W: width, H: height}), testkit.Beeps(d.PCM, 1000)
	offset, ok := testkit.Offset(flashes, beeps)
	t.Logf("%d flashes, %d beeps, sound %v after picture", len(flashes), len(beeps), offset)
	if !ok || len(flashes) < 4 {
		t.Fatalf("too few claps: flashes at %v, beeps at %v", flashes, beeps)
	}
	if offset.Abs() > 80*time.Millisecond {
		t.Errorf("sound is %v after the picture", offset)
	}
}
