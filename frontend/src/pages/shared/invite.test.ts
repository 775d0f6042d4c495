import { describe, expect, it } from "vitest";
import { makeToken } from "../../../tests/nanomeet";
import { readInvite } from "./invite";
import { embedSnippet, meetingLink, sampleLink } from "./links";

const token = makeToken();
const now = Date.now();

describe("readInvite", () => {
  it.each([
    ["a token", `  ${token}\n`],
    ["an invite link", sampleLink("https://meet.example.com", token)],
    ["a meeting link", meetingLink("https://meet.example.com", "org1", "room1", token)],
  ])("reads %s", (_, text) => expect(readInvite(text, now)).toMatchObject({ token, payload: { room: "room1" } }));

  it.each([
    ["", "No invite"],
    ["https://meet.example.com/", "No invite"],
    ["hello", "Invalid token"],
    [makeToken({ exp: 1 }), "Token expired"],
  ])("refuses %j", (text, error) => expect(() => readInvite(text, now)).toThrow(expect.objectContaining({ error })));
});

it("the snippet names the server that it was made on", () => {
  expect(embedSnippet("https://meet.example.com", "T")).toContain('src="https://meet.example.com/js/nanomeet.js"');
});
