import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NanoMeetError } from "../../lib/nanomeet/failure";
import { HelperModel, randomRoom, type HelperService } from "./model";

const now = Date.parse("2026-11-22T12:00:30Z");
const organisation = { id: "acme", name: "Acme", nanomeet: true };
const room = { token: "T", room: "room1", server: "h", streamname: "S", moderator: true, expiration: "", notbefore: "" };

function fake(changes: object = {}) {
  const service = {
    validateAPIKey: vi.fn(async () => ({ data: organisation })),
    createNanoMeetRoom: vi.fn(async (_key: string, _setup: object) => ({ data: room })),
    createInviteToken: vi.fn(async (_: string, { moderator }: { moderator: boolean }) => ({ data: { inviteLink: `link-${moderator}` } })),
    createNanoStreams: vi.fn(async () => ({ data: { streamInfo: { ingest: { rtmp: { streamname: "NEW-STREAM" } } } } })),
  };
  return Object.assign(service, changes);
}

const good = { apiKey: "key", room: "room1", server: "meet.example.com" };
const make = (service = fake(), start = {}) => new HelperModel(service as unknown as HelperService, { ...good, ...start }, now);

beforeEach(() => void vi.useFakeTimers({ now }));
afterEach(() => void vi.useRealTimers());

describe("the key", () => {
  it("is checked at once when it is prefilled", async () => {
    const model = make();
    await vi.runAllTimersAsync();
    expect(model.key).toEqual({ state: "good", organisation });
  });

  it("is asked for when typing rests, once", async () => {
    const service = fake();
    const model = make(service, { apiKey: "" });
    for (const text of ["k", "ke", "key"]) model.set("apiKey", text);
    expect(model.key.state).toBe("checking");
    await vi.runAllTimersAsync();
    expect(service.validateAPIKey.mock.calls).toEqual([["key"]]);
  });

  it("says the server's words when it is wrong", async () => {
    const model = make(fake({ validateAPIKey: async () => { throw new NanoMeetError("Unknown", "Not known."); } }));
    await vi.runAllTimersAsync();
    expect(model.problems(now)).toEqual({ apiKey: "Not known." });
  });

  it("is not overtaken by an older answer", async () => {
    let answerFirst = (_: unknown): void => {};
    const first = new Promise((resolve) => (answerFirst = resolve));
    const validateAPIKey = vi.fn().mockReturnValueOnce(first).mockRejectedValueOnce(new NanoMeetError("Unknown", "Not known."));
    const model = make(fake({ validateAPIKey }));
    model.set("apiKey", "other");
    await vi.runAllTimersAsync();
    answerFirst({ data: organisation });
    await vi.runAllTimersAsync();
    expect(model.key.state).toBe("bad");
  });
});

describe("problems", () => {
  it("has none with its defaults", () => expect(make().problems(now)).toEqual({}));

  it.each([
    [{ apiKey: " " }, "apiKey"],
    [{ room: "" }, "room"],
    [{ room: "my room" }, "room"],
    [{ room: "x".repeat(129) }, "room"],
    [{ server: "" }, "server"],
    [{ stream: "name" }, "streamname"],
    [{ from: "" }, "from"],
    [{ until: "" }, "until"],
    [{ from: "2026-11-23T12:00", until: "2026-11-23T12:00" }, "until"],
    [{ from: "2020-01-01T12:00", until: "2020-01-02T12:00" }, "until"],
    [{ until: "2027-12-01T12:00" }, "until"],
  ])("finds %j", (start, field) => expect(Object.keys(make(fake(), start).problems(now))).toEqual([field]));

  it("refuses an organisation without the feature", async () => {
    const model = make(fake({ validateAPIKey: async () => ({ data: { ...organisation, nanomeet: false } }) }));
    await vi.runAllTimersAsync();
    expect(model.problems(now)).toHaveProperty("apiKey");
  });
});

describe("submit", () => {
  it("sends nothing while something is wrong", async () => {
    const service = fake();
    const model = make(service, { room: "" });
    await expect(model.submit(now)).resolves.toBe(false);
    expect(model.tried).toBe(true);
    expect(service.createNanoMeetRoom).not.toHaveBeenCalled();
  });

  it("makes the room and both invites", async () => {
    const service = fake();
    const model = make(service);
    await expect(model.submit(now)).resolves.toBe(true);
    expect(service.createNanoMeetRoom).toHaveBeenCalledWith("key", {
      room: "room1", moderator: true, server: "meet.example.com",
      nbf: new Date("2026-11-22T12:00:00Z"), exp: new Date("2026-11-23T12:00:00Z"),
    });
    expect(model.result).toEqual({ room, invites: { moderator: "link-true", participant: "link-false" } });
  });

  it("uses a new stream, and only makes it once", async () => {
    const createNanoMeetRoom = vi.fn().mockRejectedValueOnce(new NanoMeetError("Busy", "Try again.")).mockResolvedValueOnce({ data: room });
    const service = fake({ createNanoMeetRoom });
    const model = make(service, { stream: "new" });
    await model.submit(now);
    expect(model.failure).toMatchObject({ error: "Busy" });
    await model.submit(now);
    expect(service.createNanoStreams).toHaveBeenCalledTimes(1);
    expect(createNanoMeetRoom.mock.calls[1]![1]).toMatchObject({ streamname: "NEW-STREAM" });
    expect(model.result).toBeDefined();
  });

  it("keeps the room when an invite fails", async () => {
    const model = make(fake({ createInviteToken: async () => { throw new NanoMeetError("No", "No."); } }));
    await expect(model.submit(now)).resolves.toBe(true);
    expect(model.result).toEqual({ room, invites: {} });
  });
});

it("setPeriod counts from now", () => {
  const model = make();
  model.setPeriod(3600_000, now);
  expect(new Date(model.form.until).getTime() - new Date(model.form.from).getTime()).toBe(3600_000);
});

it("randomRoom makes good names", () => {
  for (let i = 0; i < 50; i++) expect(randomRoom()).toMatch(/^[a-z]+_[a-z]+_\d{3}$/);
});
