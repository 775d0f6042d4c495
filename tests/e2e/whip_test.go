package e2e

import (
	"fmt"
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

// doorScript is a page's own WHIP and WHEP: fetch and RTCPeerConnection, no more.
const doorScript = `
async function door(url, token, pc) {
	await pc.setLocalDescription();
	const answer = await fetch(url, {method: "POST", body: pc.localDescription.sdp,
		headers: {"Content-Type": "application/sdp", ...(token && {Authorization: "Bearer " + token})}});
	if (answer.status !== 201) throw new Error(answer.status + " " + await answer.text());
	await pc.setRemoteDescription({type: "answer", sdp: await answer.text()});
	window.session = new URL(answer.headers.get("Location"), url).href;
	window.etag = answer.headers.get("ETag");
	return true;
}
async function publish(url, token) {
	const media = await navigator.mediaDevices.getUserMedia({video: true, audio: true});
	const pc = window.pc = new RTCPeerConnection();
	for (const track of media.getTracks()) pc.addTransceiver(track, {direction: "sendonly", streams: [media]});
	return door(url, token, pc);
}
async function play(url, token) {
	const pc = window.pc = new RTCPeerConnection();
	const video = document.createElement("video");
	video.autoplay = true;
	video.srcObject = new MediaStream();
	document.body.append(video);
	pc.ontrack = ({track}) => video.srcObject.addTrack(track);
	pc.addTransceiver("audio", {direction: "recvonly"});
	pc.addTransceiver("video", {direction: "recvonly"});
	return door(url, token, pc);
}
async function restart() {
	window.pc.restartIce();
	const offer = await window.pc.createOffer();
	await window.pc.setLocalDescription(offer);
	const line = (key) => offer.sdp.match(new RegExp("a=" + key + ":.*"))[0] + "\r\n";
	const answer = await fetch(window.session, {method: "PATCH", body: line("ice-ufrag") + line("ice-pwd"),
		headers: {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}});
	if (answer.status !== 200) throw new Error(answer.status + " " + await answer.text());
	const told = await answer.text();
	let sdp = window.pc.remoteDescription.sdp;
	for (const key of ["ice-ufrag", "ice-pwd"]) {
		const value = told.match(new RegExp("a=" + key + ":.*"))[0].trim();
		sdp = sdp.replace(new RegExp("a=" + key + ":.*", "g"), value);
	}
	await window.pc.setRemoteDescription({type: "answer", sdp});
	return answer.headers.get("ETag") !== window.etag;
}
`

// through runs one of the functions of doorScript in a page that has no script of
// its own.
func through(t *testing.T, b *testkit.Browser, server *testkit.Server, call string) {
	t.Helper()
	b.Open(server.URL + "/healthz")
	var ok bool
	if err := b.Eval(fmt.Sprintf("(() => { %s; Object.assign(window, {restart}); return %s })()", doorScript, call), &ok); err != nil || !ok {
		t.Fatalf("%s: %v", call, err)
	}
}

// TestWHIP: an encoder is a member of its room like any other. A participant sees
// and hears it, the broadcast shows it, and WHEP plays it and the broadcast.
func TestWHIP(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "doors")
	ann, stage := people[0], people[1]
	moderator := ann.browser(t)
	moderator.Open(room.JoinURL(room.Token, ann.name))
	moderator.WaitFor(patience, testkit.Control("leave"))

	encoder := stage.browser(t)
	whip := fmt.Sprintf("%s/whip/%s/%s?name=%s", server.URL, room.Sub, room.Name, stage.name)
	through(t, encoder, server, fmt.Sprintf("publish(%q, %q)", whip, room.Invite(t, false)))
	moderator.Sees(patience, testkit.TileOf(stage.name, "camera"), stage.camera)
	moderator.Hears(patience, stage.tone)

	moderator.Click(testkit.Control("broadcast-toggle"))
	moderator.Click(testkit.Control("broadcast-start"))
	moderator.WaitFor(patience, testkit.Control("mark-live"))
	shows(t, room, ann, stage)

	viewer := testkit.StartBrowser(t, testkit.BrowserOptions{})
	t.Run("one participant", func(t *testing.T) {
		whep := fmt.Sprintf("%s/whep/%s/%s/%s", server.URL, room.Sub, room.Name, stage.name)
		through(t, viewer, server, fmt.Sprintf("play(%q, %q)", whep, room.Invite(t, false)))
		viewer.Sees(patience, "video", stage.camera)
		viewer.Hears(patience, stage.tone)
	})
	t.Run("programme", func(t *testing.T) {
		through(t, viewer, server, fmt.Sprintf("play(%q)", server.URL+"/whep/"+room.Stream))
		viewer.Hears(patience, ann.tone, stage.tone)
	})
	t.Run("player", func(t *testing.T) { watch(t, room, people[:2], "whep") })
	t.Run("restart", func(t *testing.T) {
		var fresh bool
		if err := encoder.Eval("window.restart()", &fresh); err != nil || !fresh {
			t.Fatalf("restart: new ETag is %v, %v", fresh, err)
		}
		encoder.Wait(patience, "ICE is there again", `["connected", "completed"].includes(pc.iceConnectionState)`)
		moderator.Sees(patience, testkit.TileOf(stage.name, "camera"), stage.camera)
	})
	t.Run("end", func(t *testing.T) {
		var status int
		if err := encoder.Eval(`fetch(session, {method: "DELETE"}).then((r) => r.status)`, &status); err != nil || status != 200 {
			t.Fatalf("DELETE answered %d, %v", status, err)
		}
		moderator.Wait(patience, "the encoder is gone", "!__testkit.one("+fmt.Sprintf("%q", testkit.TileOf(stage.name, "camera"))+")")
	})
}
