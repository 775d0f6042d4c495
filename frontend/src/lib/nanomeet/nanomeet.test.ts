// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NanoMeet } from "./nanomeet";
import { answerWith, makeToken } from "../../../tests/nanomeet";

const server = "https://meet.example.com";
const inAnHour = () => new Date(Date.now() + 3600_000).toISOString();
const setup = () => ({ nbf: new Date().toISOString(), exp: inAnHour(), room: "room1", server: "meet.example.com", moderator: true });

let meet: NanoMeet;
beforeEach(() => {
  document.body.innerHTML = '<div id="meeting"></div>';
  meet = new NanoMeet({ server });
});
afterEach(async () => {
  await meet.destroy();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("rooms and invites", () => {
  it("makes a room with the API key", async () => {
    const token = makeToken({ exp: 1800000000, nbf: 1790000000 });
    const fetch = answerWith(200, { data: token });
    const { data } = await meet.createNanoMeetRoom("key1", setup());
    expect(data).toEqual({
      token, room: "room1", server: "meet.example.com", streamname: "AAAAA-BBBBB", moderator: true,
      expiration: "2027-01-15T08:00:00.000Z", notbefore: "2026-09-21T14:13:20.000Z",
    });
    const [url, init] = fetch.mock.calls[0]!;
    expect(url).toBe(`${server}/nanomeet`);
    expect(init.headers).toMatchObject({ "x-bintu-apikey": "key1" });
    expect(JSON.parse(init.body as string)).toMatchObject({ room: "room1", moderator: true });
  });

  it("makes an invite with the moderator's token and links to the sample page", async () => {
    const invite = makeToken({ moderator: false });
    const fetch = answerWith(200, { data: invite });
    const token = makeToken();
    const { data } = await meet.createInviteToken(token, { moderator: false });
    expect(data).toEqual({ moderator: false, token: invite, inviteLink: `${server}/nanomeet-frontend/nanomeet-sample.html?token=${invite}` });
    expect(fetch.mock.calls[0]![1].headers).toMatchObject({ "x-bintu-token": token });
    expect(JSON.parse(fetch.mock.calls[0]![1].body as string)).toEqual({ moderator: false, server: "meet.example.com" });
  });

  it("refuses an invite from a participant before anything is sent", async () => {
    const fetch = answerWith(200, {});
    await expect(meet.createInviteToken(makeToken({ moderator: false }), { moderator: false })).rejects.toMatchObject({ error: "Not a moderator" });
    await expect(meet.createNanoMeetRoom("", setup())).rejects.toMatchObject({ error: "Missing API key" });
    expect(fetch).not.toHaveBeenCalled();
  });

  it("keeps the server's words", async () => {
    answerWith(401, { error: "unknown key", message: "This API key is not known." });
    await expect(meet.validateAPIKey("nope")).rejects.toMatchObject({ error: "unknown key", message: "This API key is not known.", status: 401 });
  });

  it("says when the server is not there", async () => {
    vi.stubGlobal("fetch", vi.fn(() => Promise.reject(new TypeError("failed"))));
    await expect(meet.validateAPIKey("key")).rejects.toMatchObject({ error: "Server not reachable" });
  });

  it("makes streams with the default transcodes", async () => {
    const streamInfo = { id: "1", ingest: { rtmp: { url: "rtmp://x/live", streamname: "AAAAA-CCCCC" } } };
    const fetch = answerWith(200, streamInfo);
    const { data } = await meet.createNanoStreams("key1");
    expect(data.streamInfo.ingest.rtmp.streamname).toBe("AAAAA-CCCCC");
    expect(data.cloudDashboardLink).toContain("AAAAA-CCCCC");
    const body = JSON.parse(fetch.mock.calls[0]![1].body as string) as { transcodes: { profile: string }[] };
    expect(body.transcodes.map((t) => t.profile)).toEqual(["vtrans2-852x480x800x25", "vtrans2-640x360x400x25"]);
  });

  it("rejects with an Error that has a message for consoles", async () => {
    await expect(meet.createNanoMeetRoom("k", {} as never)).rejects.toBeInstanceOf(Error);
  });
});

describe("the embedded meeting", () => {
  const frame = () => document.querySelector("iframe")!;
  const says = (data: object, from: { source?: Window | null; origin?: string } = {}) =>
    window.dispatchEvent(new MessageEvent("message", { data: { meetcast: 1, ...data }, origin: server, source: frame().contentWindow, ...from }));

  async function embed(claims = {}) {
    const done = meet.init({ token: makeToken(claims), id: "meeting", width: 320 });
    await vi.waitFor(() => expect(frame()).not.toBeNull());
    const sent = vi.spyOn(frame().contentWindow!, "postMessage").mockImplementation(() => {});
    says({ type: "ready" });
    return { result: await done, sent: () => sent.mock.calls as unknown as [Record<string, unknown>, string][] };
  }

  it("is an iframe in the div with the features a meeting needs", async () => {
    const { result, sent } = await embed({ moderator: false });
    expect(result).toEqual({ data: { moderator: false } });
    expect(frame().parentElement!.id).toBe("meeting");
    expect(frame().style.width).toBe("320px");
    expect(frame().allow).toBe("camera; microphone; display-capture; autoplay; fullscreen; clipboard-write; speaker-selection");
    expect(sent()).toEqual([[{ meetcast: 1, type: "hello" }, server]]);
  });

  it("starts a broadcast only when the meeting says that it is live", async () => {
    const { sent } = await embed();
    const links = { playout: { live: "l", vod: "v" }, playback: { live: "l", vod: "v" }, nanoStream: "rtmp://" };
    const started = meet.startBroadcast(true);
    await vi.waitFor(() => expect(sent()).toHaveLength(2));
    const [command, origin] = sent()[1]!;
    expect(command).toMatchObject({ type: "startBroadcast", record: true });
    expect(origin).toBe(server);
    expect(JSON.stringify(sent())).not.toContain("eyJ"); // no token in any message
    says({ type: "answer", id: command["id"], ok: true, data: links });
    await expect(started).resolves.toEqual({ data: links });
  });

  it("rejects with the reason", async () => {
    const { sent } = await embed();
    const stopped = meet.stopBroadcast();
    await vi.waitFor(() => expect(sent()).toHaveLength(2));
    says({ type: "answer", id: sent()[1]![0]["id"], ok: false, error: { error: "Forbidden", message: "Only moderators." } });
    await expect(stopped).rejects.toMatchObject({ error: "Forbidden", message: "Only moderators." });
  });

  it("hears events from the frame's window and origin only", async () => {
    await embed();
    const heard = vi.fn();
    meet.on("participantJoined", heard);
    const data = { id: "p1", name: "Ann", moderator: false };
    says({ type: "participantJoined", data }, { origin: "https://evil.example" });
    says({ type: "participantJoined", data }, { source: window });
    says({ type: "participantJoined", data, meetcast: 2 });
    expect(heard).not.toHaveBeenCalled();
    says({ type: "participantJoined", data });
    expect(heard.mock.calls).toEqual([[data]]);
    meet.off("participantJoined", heard);
    says({ type: "participantJoined", data });
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("rejects what was awaited when it is destroyed", async () => {
    const { sent } = await embed();
    const started = meet.startBroadcast(false);
    await vi.waitFor(() => expect(sent()).toHaveLength(2));
    await meet.destroy();
    expect(document.querySelector("iframe")).toBeNull();
    await expect(started).rejects.toMatchObject({ error: "Meeting closed" });
  });

  it("takes the place of the one before", async () => {
    await embed();
    await embed();
    expect(document.querySelectorAll("iframe")).toHaveLength(1);
  });

  it("says when the meeting page does not load", async () => {
    vi.useFakeTimers();
    const done = meet.init({ token: makeToken(), id: "meeting" });
    const refused = expect(done).rejects.toMatchObject({ error: "Meeting not reachable" });
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
  });

  it("has no broadcast before init, and wants a boolean", async () => {
    await expect(meet.startBroadcast(true)).rejects.toMatchObject({ error: "No meeting" });
    await expect(meet.stopBroadcast()).rejects.toMatchObject({ error: "No meeting" });
    await expect(meet.startBroadcast("yes" as never)).rejects.toMatchObject({ error: "Invalid isVOD" });
  });
});

it("takes its server from the script that it was loaded with", async () => {
  const script = document.createElement("script");
  script.src = "https://video.example.org/nanomeet-frontend/js/nanomeet.js";
  Object.defineProperty(document, "currentScript", { value: script, configurable: true });
  await import("../nanomeet");
  expect(window.NanoMeet.defaultServer).toBe("https://video.example.org");
  const fetch = answerWith(200, { id: "1", name: "Example", nanomeet: true });
  await expect(new window.NanoMeet().validateAPIKey("key")).resolves.toMatchObject({ data: { name: "Example" } });
  expect(fetch.mock.calls[0]![0]).toBe("https://video.example.org/organisation");
});
