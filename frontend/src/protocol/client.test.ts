import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket, joined } from "../../tests/fake-socket";
import { Backoff } from "./backoff";
import { type ClientEvents, SignalClient } from "./client";

let client: SignalClient;
let ends: ClientEvents["end"][];
let states: string[];

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  ends = [];
  states = [];
  client = new SignalClient({
    url: "ws://server",
    token: "T",
    room: "acme/standup",
    name: "Ann",
    webSocket: FakeSocket.make,
    backoff: new Backoff(100, 1000, () => 1),
  });
  client.on("end", (e) => ends.push(e));
  client.on("state", (s) => states.push(s));
});

afterEach(() => {
  client.leave();
  vi.useRealTimers();
});

function join(change: object = {}): FakeSocket {
  if (client.state === "idle") client.connect();
  const socket = FakeSocket.last;
  socket.accept();
  socket.say(joined(change));
  return socket;
}

describe("joining", () => {
  it("introduces itself and is in", () => {
    const seen: unknown[] = [];
    client.on("joined", (m) => seen.push(m.self));
    const socket = join();
    expect(socket.protocol).toBe("meetcast.v1");
    expect(socket.sent[0]).toMatchObject({ type: "join", version: 1, token: "T", room: "acme/standup", name: "Ann" });
    expect(socket.sent[0]).not.toHaveProperty("resume");
    expect(seen).toEqual(["me"]);
    expect(states).toEqual(["connecting", "joined"]);
  });

  it("tries again when the server is not there yet", () => {
    client.connect();
    FakeSocket.last.drop(1006);
    vi.advanceTimersByTime(101);
    expect(FakeSocket.all).toHaveLength(2);
    expect(client.state).toBe("connecting");
  });

  it("gives up on a socket that never answers the join", () => {
    client.connect();
    FakeSocket.last.accept();
    vi.advanceTimersByTime(10_200);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("ends when the token is refused, with the server's sentence", () => {
    client.connect();
    const socket = FakeSocket.last;
    socket.accept();
    socket.say({ type: "error", id: socket.sent[0]!.id, code: "unauthorized", message: "The token has expired." });
    socket.drop(4401);
    expect(ends).toEqual([{ reason: "refused", message: "The token has expired." }]);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("requests", () => {
  it("resolve with the answer of the same id", async () => {
    const socket = join();
    const first = client.request({ type: "hand", raised: true });
    const second = client.request({ type: "chat", text: "hi" });
    socket.say({ type: "ok", id: socket.of("chat")!.id });
    socket.say({ type: "error", id: socket.of("hand")!.id, code: "forbidden", message: "No." });
    await expect(second).resolves.toMatchObject({ type: "ok" });
    await expect(first).rejects.toMatchObject({ code: "forbidden", message: "No." });
  });

  it("reject when nothing comes, later for a broadcast", async () => {
    join();
    const hand = client.request({ type: "hand", raised: true });
    const start = client.request({ type: "broadcast-start", record: true });
    const outcome: string[] = [];
    hand.catch((e: { code: string }) => outcome.push(`hand ${e.code}`));
    start.catch((e: { code: string }) => outcome.push(`start ${e.code}`));
    for (let s = 0; s < 16; s++) {
      await vi.advanceTimersByTimeAsync(1000);
      pong();
    }
    expect(outcome).toEqual(["hand timeout"]);
    for (let s = 0; s < 46; s++) {
      await vi.advanceTimersByTimeAsync(1000);
      pong();
    }
    expect(outcome).toEqual(["hand timeout", "start timeout"]);
  });

  it("reject at once without a connection", async () => {
    await expect(client.request({ type: "hand", raised: true })).rejects.toMatchObject({ code: "disconnected" });
    const socket = join();
    const open = client.request({ type: "hand", raised: true });
    socket.drop(1006);
    await expect(open).rejects.toMatchObject({ code: "disconnected" });
    expect(client.send({ type: "mute", source: "camera", muted: true })).toBe(false);
  });

  it("passes errors that answer nothing on", () => {
    const seen: unknown[] = [];
    client.on("message", (m) => seen.push(m));
    join().say({ type: "error", code: "rate", message: "Slow down." });
    expect(seen).toMatchObject([{ code: "rate" }]);
  });
});

describe("a lost connection", () => {
  it("is resumed with the secret, after growing pauses", () => {
    join().drop(1006);
    expect(client.state).toBe("reconnecting");
    for (const pause of [100, 200, 400, 800, 1000, 1000]) {
      const before = FakeSocket.all.length;
      vi.advanceTimersByTime(pause - 1);
      expect(FakeSocket.all).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.all).toHaveLength(before + 1);
      if (pause !== 1000) FakeSocket.last.drop(1006);
      else break;
    }
    const socket = join({ resumed: true });
    expect(socket.sent[0]).toMatchObject({ type: "join", resume: "secret" });
    expect(client.state).toBe("joined");
  });

  it("joins anew when there is nothing to resume", () => {
    join().drop(1006);
    vi.advanceTimersByTime(100);
    FakeSocket.last.accept();
    FakeSocket.last.drop(4404);
    vi.advanceTimersByTime(200);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent[0]).not.toHaveProperty("resume");
  });

  it("is noticed by a missing pong", () => {
    const socket = join();
    expect(socket.count("ping")).toBe(1);
    vi.advanceTimersByTime(8001);
    expect(client.state).toBe("reconnecting");
    socket.drop(1006); // the old socket's late farewell changes nothing
    expect(ends).toEqual([]);
  });

  it("stays while pongs come", () => {
    const socket = join();
    for (let i = 0; i < 5; i++) {
      pong();
      vi.advanceTimersByTime(10_000);
    }
    expect(client.state).toBe("joined");
    expect(socket.count("ping")).toBe(6);
  });

  it("waits longer when the server found it too busy", () => {
    join().drop(4429);
    vi.advanceTimersByTime(5000);
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(200);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe("the end", () => {
  it.each([
    [4400, "bug"],
    [4403, "kicked"],
    [4409, "replaced"],
    [4503, "full"],
  ])("comes with code %i", (code, reason) => {
    const socket = join();
    if (code === 4403) socket.say({ type: "kicked", by: "m-1" });
    socket.drop(code);
    expect(ends).toEqual([{ reason, message: code === 4403 ? "m-1" : "" }]);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("says good-bye when the person leaves", () => {
    const socket = join();
    client.leave();
    expect(socket.sent.at(-1)).toEqual({ type: "leave" });
    expect(socket.readyState).toBe(3);
    expect(ends).toEqual([{ reason: "left", message: "" }]);
    client.leave();
    expect(ends).toHaveLength(1);
  });
});

function pong(): void {
  const ping = FakeSocket.last.of("ping");
  if (ping) FakeSocket.last.say({ type: "pong", t: ping.t, at: 0 });
}
