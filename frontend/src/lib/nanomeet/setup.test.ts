import { describe, expect, it } from "vitest";
import { checkApiKey, checkRoomSetUp, checkTokenSetup, parseDate } from "./setup";

const now = Date.parse("2026-06-01T12:00:00Z");
const good = {
  nbf: "2026-06-01T12:00", exp: "2026-06-02T12:00", room: "My_room1", server: "meet.example.com", moderator: true,
};

describe("checkRoomSetUp", () => {
  it("passes on what the service wants, dates in UTC", () => {
    expect(checkRoomSetUp({ ...good, streamname: "AAAAA-BBBBB" }, now)).toEqual({
      nbf: "2026-06-01T12:00:00.000Z", exp: "2026-06-02T12:00:00.000Z",
      room: "My_room1", server: "meet.example.com", moderator: true, streamname: "AAAAA-BBBBB",
    });
  });

  it("leaves out a stream name that is not given", () => {
    expect(checkRoomSetUp(good, now)).not.toHaveProperty("streamname");
  });

  it.each([
    [undefined, "Missing roomSetUp"],
    ["room", "Missing roomSetUp"],
    [{ ...good, nbf: undefined }, "Missing nbf"],
    [{ ...good, exp: "" }, "Missing exp"],
    [{ ...good, room: undefined }, "Missing room"],
    [{ ...good, server: undefined }, "Missing server"],
    [{ ...good, moderator: undefined }, "Missing moderator"],
    [{ ...good, room: "my room" }, "Invalid room name"],
    [{ ...good, room: "raum-ü" }, "Invalid room name"],
    [{ ...good, room: 5 }, "Invalid room name"],
    [{ ...good, server: "https://meet.example.com/" }, "Invalid server"],
    [{ ...good, server: "a b" }, "Invalid server"],
    [{ ...good, moderator: "true" }, "Invalid moderator"],
    [{ ...good, streamname: 7 }, "Invalid stream name"],
    [{ ...good, nbf: "tomorrow" }, "Invalid dates"],
    [{ ...good, nbf: 1780315200 }, "Invalid dates"],
    [{ ...good, nbf: "2026-06-03" }, "Invalid dates"],
    [{ ...good, nbf: "2026-05-01", exp: "2026-05-02" }, "Invalid dates"],
    [{ ...good, exp: "2027-06-03T12:00" }, "Invalid dates"],
  ])("refuses %j: %s", (setup, error) => {
    expect(() => checkRoomSetUp(setup, now)).toThrow(expect.objectContaining({ error }));
  });
});

describe("checkTokenSetup", () => {
  it("needs the role only", () => {
    expect(checkTokenSetup({ moderator: false }, now)).toEqual({ moderator: false });
  });
  it("passes on dates", () => {
    expect(checkTokenSetup({ moderator: true, exp: new Date(now + 1000) }, now)).toEqual({
      moderator: true, exp: "2026-06-01T12:00:01.000Z",
    });
  });
  it.each([
    [undefined, "Missing tokenSetup"],
    [{}, "Missing moderator"],
    [{ moderator: 1 }, "Invalid moderator"],
    [{ moderator: true, exp: "2026-06-01T11:00Z" }, "Invalid dates"],
  ])("refuses %j: %s", (setup, error) => {
    expect(() => checkTokenSetup(setup, now)).toThrow(expect.objectContaining({ error }));
  });
});

describe("parseDate", () => {
  it.each([
    ["2021-06-01T12:00", "2021-06-01T12:00:00.000Z"],
    ["2021-06-01T12:00:30", "2021-06-01T12:00:30.000Z"],
    ["2021-06-01 12:00:30.5Z", "2021-06-01T12:00:30.500Z"],
    ["2021-06-01T12:00+02:00", "2021-06-01T10:00:00.000Z"],
    ["2021-06-01", "2021-06-01T00:00:00.000Z"],
  ])("%s is %s", (text, iso) => expect(new Date(parseDate(text)).toISOString()).toBe(iso));
  it.each(["", "now", "2021-13-01", "2021-06-01T25:00", "1/6/2021"])("%j is none", (text) => expect(parseDate(text)).toBeNaN());
});

it.each([undefined, null, "", "  ", 4])("checkApiKey refuses %j", (key) =>
  expect(() => checkApiKey(key)).toThrow(expect.objectContaining({ error: "Missing API key" })),
);
