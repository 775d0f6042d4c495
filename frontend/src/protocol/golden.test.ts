import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode } from "./decode";
import type { ClientMessage } from "./messages";

const dir = new URL("../../../signaling/wire/testdata/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, dir), "utf8");
const files = readdirSync(dir).filter((name) => name.endsWith(".json"));

describe("golden messages of the server", () => {
  const server = files.filter((name) => name.endsWith(".server.json"));

  it("are there", () => expect(server.length).toBeGreaterThanOrEqual(13));

  it.each(server)("%s is understood", (name) => {
    const message = decode(read(name));
    expect(message, "not understood").toBeDefined();
    expect(message).toMatchObject(JSON.parse(read(name)) as object);
    expect(message!.type).toBe(name.replace(".server.json", ""));
  });
});

/** What the page would send; the compiler holds these to the types, the files to Go. */
const sent: Record<string, ClientMessage> = {
  join: {
    type: "join",
    id: "1",
    version: 1,
    token: "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    room: "acme/standup",
    name: "Ada Lovelace",
    resume: "c2VjcmV0",
  },
  offer: {
    type: "offer",
    id: "2",
    sdp: "v=0\r\n",
    tracks: [
      { mid: "0", source: "microphone" },
      { mid: "1", source: "camera" },
    ],
  },
  candidate: {
    type: "candidate",
    candidate: "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
    sdpMid: "0",
    sdpMLineIndex: 0,
    usernameFragment: "wXyZ",
  },
  view: {
    type: "view",
    want: [
      { participant: "m-7f3a", source: "screen", width: 1280, height: 720 },
      { participant: "m-7f3a", source: "camera", width: 320, height: 180 },
    ],
    fill: true,
  },
  mute: { type: "mute", source: "microphone", muted: true },
  chat: { type: "chat", id: "3", text: "Hello, everyone" },
  hand: { type: "hand", raised: true },
  "broadcast-start": {
    type: "broadcast-start",
    id: "8",
    record: true,
    layout: "grid",
    destination: "rtmp://ingest.example/rec/KEY",
  },
  "broadcast-stop": { type: "broadcast-stop", id: "9" },
  "broadcast-layout": { type: "broadcast-layout", id: "10", layout: "speaker" },
};

/** The files whose fields are compared by name only: ids in them are examples. */
const shapes: Record<string, ClientMessage> = {
  rename: { type: "rename", id: "", name: "" },
  kick: { type: "kick", id: "", participant: "" },
  "mute-participant": { type: "mute-participant", id: "", participant: "", source: "microphone" },
  "mute-everyone": { type: "mute-everyone", id: "" },
  leave: { type: "leave" },
  ping: { type: "ping", t: 0 },
};

describe("golden messages of the page", () => {
  it.each(Object.entries(sent))("%s is as the page would send it", (name, message) => {
    expect(message).toEqual(JSON.parse(read(`${name}.client.json`)));
  });

  it.each(Object.entries(shapes))("%s has the fields that the page would send", (name, message) => {
    const golden = JSON.parse(read(`${name}.client.json`)) as Record<string, unknown>;
    const fields = Object.keys(golden).filter((key) => key !== "id").sort();
    expect(Object.keys(message).filter((key) => key !== "id").sort()).toEqual(fields);
  });

  it("has no message that this page does not know", () => {
    const known = new Set([...Object.keys(sent), ...Object.keys(shapes)]);
    const unknown = files.filter((f) => f.endsWith(".client.json") && !known.has(f.replace(".client.json", "")));
    expect(unknown).toEqual([]);
  });
});

describe("decode", () => {
  it.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["no type", "{}"],
    ["an unknown type", `{"type":"surprise"}`],
    ["a joined without itself", `{"type":"joined","resume":"x"}`],
    ["a slot of no kind", `{"type":"slots","slots":[{"mid":"1","kind":"smell"}]}`],
    ["a participant without a name", `{"type":"participants","joined":[{"id":"m-1"}]}`],
    ["an id that is a number", `{"type":"ok","id":7}`],
  ])("refuses %s", (_, text) => expect(decode(text)).toBeUndefined());

  it("turns the null of an empty Go list into an empty list", () => {
    expect(decode(`{"type":"slots","slots":null}`)).toEqual({ type: "slots", slots: [] });
  });

  it("ignores unknown fields", () => {
    expect(decode(`{"type":"ok","id":"1","later":true}`)).toMatchObject({ type: "ok", id: "1" });
  });
});
