import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakePeerConnection, fakeTrack } from "../../tests/fake-peer";
import { FakeSocket, joined } from "../../tests/fake-socket";
import { LocalMedia } from "../media/local";
import { Room } from "./room";

const bob = { id: "bob", name: "Bob", sources: { camera: "on" } };

let room: Room;
let notices: string[];
let log: string[];

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakePeerConnection.all = [];
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("document", { createElement: () => ({ dataset: {}, play: () => Promise.resolve(), remove() {} }) });
  vi.stubGlobal("navigator", {
    mediaDevices: {
      getUserMedia: (c: MediaStreamConstraints) =>
        Promise.resolve({ getTracks: () => [fakeTrack(c.video ? "video" : "audio", { width: 1280, height: 720 })] }),
    },
  });
  notices = [];
  log = [];
  room = new Room({
    url: "ws://server",
    token: "T",
    room: "acme/standup",
    name: "Ann",
    local: new LocalMedia(),
    audioParent: { append() {} } as unknown as HTMLElement,
    webSocket: FakeSocket.make,
  });
  room.on("notice", (n) => notices.push(n.text));
  room.on("joined", () => log.push("joined"));
  room.on("participantJoined", (p) => log.push(`+${p.name}`));
  room.on("participantLeft", (p) => log.push(`-${p.name} ${p.reason}`));
  room.on("broadcast", (b) => log.push(b.status));
  room.on("ended", (e) => log.push(`ended ${e.reason} ${e.message}`));
});

afterEach(() => {
  room.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

async function enter(change: object = {}): Promise<FakeSocket> {
  room.join();
  const socket = FakeSocket.last;
  socket.accept();
  socket.say(joined(change));
  await settle();
  return socket;
}

describe("a room", () => {
  it("publishes what is on and says what is muted", async () => {
    await room.local.setMicrophone(true);
    await room.local.setMicrophone(false);
    const socket = await enter();
    const offer = socket.of("offer")!;
    expect(offer.tracks).toEqual([{ mid: "7", source: "microphone" }]);
    expect(socket.sent.filter((m) => m.type === "mute")).toEqual([{ type: "mute", source: "microphone", muted: true }]);
    socket.say({ type: "answer", id: offer.id, sdp: "answer" });
    await settle();
    expect(FakePeerConnection.last.remote).toEqual(["answer"]);
  });

  it("tells once of each change of a source", async () => {
    const socket = await enter();
    await room.toggleCamera();
    await room.toggleCamera();
    await settle();
    expect(socket.sent.filter((m) => m.type === "mute")).toEqual([
      { type: "mute", source: "camera", muted: false },
      { type: "mute", source: "camera", muted: true },
    ]);
  });

  it("follows who comes and goes", async () => {
    const socket = await enter();
    socket.say({ type: "participants", joined: [bob] });
    socket.say({ type: "participants", updated: [{ ...bob, name: "Robert" }] });
    expect(room.presence.get("bob")!.name).toBe("Robert");
    socket.say({ type: "participants", left: [{ id: "bob", reason: "kicked" }] });
    expect(log).toEqual(["joined", "+Bob", "-Robert kicked"]);
  });

  it("asks for pictures at once, makes room for them, and asks again after a new join", async () => {
    const socket = await enter({ participants: [bob] });
    const want = Array.from({ length: 6 }, (_, i) => ({ participant: `p${i}`, source: "camera" as const, width: 320, height: 176 }));
    room.media.want(want);
    expect(socket.of("view")!.want).toEqual(want);
    expect(FakePeerConnection.last.transceivers.filter((t) => t.kind === "video")).toHaveLength(9);
    socket.drop(1006);
    await vi.advanceTimersByTimeAsync(5000);
    FakeSocket.last.accept();
    FakeSocket.last.say(joined());
    await settle();
    expect(FakeSocket.last.of("view")!.want).toEqual(want);
  });

  it("keeps its peer when resumed, and makes a new one when not", async () => {
    const socket = await enter({ participants: [bob] });
    const again = async (resumed: boolean, participants: object[]) => {
      FakeSocket.last.drop(1006);
      expect(room.troubled).toBe("signaling");
      await vi.advanceTimersByTimeAsync(5000);
      FakeSocket.last.accept();
      FakeSocket.last.say(joined({ resumed, participants }));
      await settle();
    };
    socket.say({ type: "participants", joined: [] });
    await again(true, [{ id: "me", name: "Ann", sources: {} }]);
    expect(FakePeerConnection.all).toHaveLength(1);
    expect(FakePeerConnection.last.restarts).toBe(1); // it was not connected
    expect(log).toContain("-Bob lost");
    await again(false, [{ id: "me", name: "Ann", sources: {} }]);
    expect(FakePeerConnection.all).toHaveLength(2);
    expect(FakePeerConnection.all[0]!.closed).toBe(true);
    expect(log.filter((l) => l === "joined")).toHaveLength(1);
  });

  it("sends only what the server says somebody watches", async () => {
    await room.local.setCamera(true);
    const socket = await enter();
    socket.say({ type: "layers", source: "camera", active: ["q"] });
    await settle();
    const camera = FakePeerConnection.last.transceivers.at(-1)!;
    expect(camera.encodings.map((e) => e.active)).toEqual([true, false, false]);
  });

  it("never offers because others come and go", async () => {
    const socket = await enter();
    room.media.want([{ participant: "p0", source: "camera", width: 320, height: 176 }]);
    await settle();
    socket.say({ type: "answer", id: socket.of("offer")!.id, sdp: "answer" });
    await settle();
    for (let i = 0; i < 20; i++) {
      socket.say({ type: "participants", joined: [{ ...bob, id: `p${i}` }] });
      socket.say({ type: "slots", slots: [{ mid: "3", kind: "video", participant: `p${i}`, source: "camera" }] });
      room.media.want([{ participant: `p${i}`, source: "camera", width: 320, height: 176 }]);
      await vi.advanceTimersByTimeAsync(300);
      socket.say({ type: "participants", left: [{ id: `p${i}`, reason: "left" }] });
    }
    expect(socket.count("offer")).toBe(1);
    expect(socket.count("view")).toBe(20);
  });

  it("looks for another way as soon as the network is back", async () => {
    const network = new EventTarget();
    vi.stubGlobal("addEventListener", network.addEventListener.bind(network));
    vi.stubGlobal("removeEventListener", network.removeEventListener.bind(network));
    room.close();
    room = new Room({
      url: "ws://server",
      token: "T",
      room: "acme/standup",
      name: "Ann",
      local: new LocalMedia(),
      audioParent: { append() {} } as unknown as HTMLElement,
      webSocket: FakeSocket.make,
    });
    const socket = await enter();
    FakePeerConnection.last.become("connected");
    network.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(700); // nothing arrives
    expect(FakePeerConnection.last.restarts).toBe(1);
    // The socket is of the network before: it does not answer.
    await vi.advanceTimersByTimeAsync(900);
    expect(socket.readyState).toBe(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last).not.toBe(socket);
    FakeSocket.last.accept();
    FakeSocket.last.say(joined({ resumed: true }));
    await vi.advanceTimersByTimeAsync(700);
    expect(FakePeerConnection.last.restarts).toBe(2); // the first could not be offered
    expect(FakePeerConnection.all).toHaveLength(1);
  });

  it("obeys a moderator's mute and says who it was", async () => {
    await room.local.setMicrophone(true);
    const socket = await enter({ participants: [bob] });
    socket.say({ type: "mute-request", source: "microphone", by: "bob" });
    await settle();
    expect(room.local.state("microphone")).toBe("muted");
    expect(notices).toEqual(["Bob muted your microphone."]);
  });

  it("resolves a start when the server says so, and shows a refusal of other requests", async () => {
    const socket = await enter();
    const start = room.startBroadcast({ record: true });
    socket.say({ type: "broadcast", status: "starting" });
    socket.say({ type: "ok", id: socket.of("broadcast-start")!.id, broadcast: { status: "live", live: "https://x/live" } });
    await expect(start).resolves.toMatchObject({ status: "live", live: "https://x/live" });
    expect(log).toEqual(["joined", "starting", "live"]);

    const kick = room.kick("bob");
    socket.say({ type: "error", id: socket.of("kick")!.id, code: "forbidden", message: "Only moderators may." });
    expect(await kick).toBe(false);
    expect(notices).toEqual(["Only moderators may."]);
  });

  it("ends with who removed one, and lets go of the devices", async () => {
    await room.local.setCamera(true);
    const socket = await enter({ participants: [bob] });
    socket.say({ type: "kicked", by: "bob" });
    socket.drop(4403);
    expect(log.at(-1)).toBe("ended kicked Bob");
    expect(room.local.state("camera")).toBe("off");
    expect(FakePeerConnection.last.closed).toBe(true);
  });

  it("merges changes of one turn", async () => {
    const socket = await enter();
    let changes = 0;
    room.on("change", () => changes++);
    socket.say({ type: "speakers", speakers: ["bob"] });
    socket.say({ type: "speakers", speakers: [] });
    await settle();
    expect(changes).toBe(1);
  });
});
