import { describe, expect, it, vi } from "vitest";
import { makeToken } from "../../../tests/nanomeet";
import { NanoMeetError } from "../../lib/nanomeet/failure";
import { SampleModel, type SampleService } from "./model";

const links = { live: "live-link", vod: "vod-link" };

function setUp(claims = {}, changes: object = {}) {
  const listeners = new Map<string, (data: unknown) => void>();
  const service = {
    init: vi.fn(async (_: object) => ({ data: { moderator: true } })),
    createInviteToken: vi.fn(async (_: string, { moderator }: { moderator: boolean }) => ({ data: { moderator, token: "T", inviteLink: "link" } })),
    startBroadcast: vi.fn(async () => ({ data: { playout: links, playback: links, nanoStream: "" } })),
    stopBroadcast: vi.fn(async () => ({ data: { playout: links, playback: links } })),
    on: (name: string, listener: (data: unknown) => void) => listeners.set(name, listener),
  };
  Object.assign(service, changes);
  const model = new SampleModel(service as unknown as SampleService, makeToken(claims), "", Date.now());
  return { model, service, tell: (name: string, data: unknown) => listeners.get(name)?.(data) };
}

const refused = async () => {
  throw new NanoMeetError("Forbidden", "Only moderators.");
};

describe("the token", () => {
  it("is missed without a problem", () => {
    const model = new SampleModel({} as SampleService, "", "", Date.now());
    expect([model.payload, model.problem]).toEqual([undefined, undefined]);
  });
  it("is refused in words when it has expired", () => {
    expect(setUp({ exp: 1 }).model.problem).toMatchObject({ error: "Token expired" });
  });
  it("tells the role", () => {
    expect(setUp({ moderator: false }).model.moderator).toBe(false);
    expect(setUp().model.moderator).toBe(true);
  });
});

it("embeds the meeting and logs what happens", async () => {
  const { model, service, tell } = setUp();
  await model.embed("meeting");
  expect(service.init).toHaveBeenCalledWith({ token: model.token, id: "meeting" });
  tell("joined", { room: "room1", self: {}, participants: [] });
  tell("participantJoined", { id: "2", name: "Ann" });
  expect(model.joined).toBe(true);
  expect(model.log.map(({ name, detail }) => `${name}: ${detail}`)).toEqual([
    "participantJoined: Ann", "joined: room1", "init: the meeting page has loaded",
  ]);
  for (let i = 0; i < 500; i++) tell("participantLeft", { id: "2", name: "Ann" });
  expect(model.log.length).toBeLessThanOrEqual(200);
});

it("says why the meeting cannot be embedded", async () => {
  const { model } = setUp({}, { init: refused });
  await model.embed("meeting");
  expect(model.problem).toMatchObject({ error: "Forbidden" });
});

describe("the broadcast", () => {
  it("is live when startBroadcast says so, with its links", async () => {
    const { model, tell } = setUp();
    await model.embed("meeting");
    const started = model.startBroadcast(true);
    expect(model.busy).toBe(true);
    await started;
    expect(model).toMatchObject({ busy: false, onAir: true, broadcast: { status: "live", ...links } });
    tell("broadcastStatus", { status: "reconnecting", reason: "The ingest is away.", record: true });
    expect(model.broadcast).toEqual({ status: "reconnecting", reason: "The ingest is away.", ...links });
    await model.stopBroadcast();
    expect(model).toMatchObject({ onAir: false, broadcast: { status: "stopped", reason: "", ...links } });
  });

  it("shows the reason when it is refused", async () => {
    const { model } = setUp({}, { startBroadcast: refused });
    await model.startBroadcast(false);
    expect(model).toMatchObject({ busy: false, onAir: false, broadcastProblem: { message: "Only moderators." } });
  });
});

describe("invites", () => {
  it("are made for a role", async () => {
    const { model, service } = setUp();
    await model.createInvite(false);
    expect(service.createInviteToken).toHaveBeenCalledWith(model.token, { moderator: false });
    expect(model.invite).toEqual({ link: "link", moderator: false });
  });
  it("show why they are refused", async () => {
    const { model } = setUp({}, { createInviteToken: refused });
    await model.createInvite(true);
    expect(model).toMatchObject({ invite: undefined, inviteProblem: { message: "Only moderators." } });
  });
});
