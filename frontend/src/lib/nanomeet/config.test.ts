// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { checkInit } from "./config";
import { queryVariable } from "./query";
import { decodeToken } from "./token";
import { makeToken } from "../../../tests/nanomeet";

const base = "https://meet.example.com";
const now = Date.now();
const seconds = Math.floor(now / 1000);

beforeEach(() => {
  document.body.innerHTML = '<div id="meeting"></div>';
});

describe("checkInit", () => {
  it("puts the token into the query, sizes into CSS and the look into the fragment", () => {
    const token = makeToken();
    const tileView = { size: 240, maxColumns: 3, vertical: true };
    const embedding = checkInit({ token, id: "meeting", width: 640, height: "50vh", branding: "https://x.example/b.json", tileView }, base, now);
    expect(embedding.width).toBe("640px");
    expect(embedding.height).toBe("50vh");
    const url = new URL(embedding.url);
    expect(url.origin + url.pathname).toBe(`${base}/org1/room1`);
    expect(url.searchParams.get("jwt")).toBe(token);
    const fragment = new URLSearchParams(url.hash.slice(1));
    expect(JSON.parse(fragment.get("config.branding")!)).toBe("https://x.example/b.json");
    expect(JSON.parse(fragment.get("config.tileView")!)).toEqual(tileView);
  });

  it("fills the div without sizes, and has no fragment without a look", () => {
    const { width, height, url } = checkInit({ token: makeToken(), id: "meeting" }, base, now);
    expect([width, height, new URL(url).hash]).toEqual(["100%", "100%", ""]);
  });

  it("goes to its own server, whatever the token names", () => {
    const { url } = checkInit({ token: makeToken({ server: "evil.example" }), id: "meeting" }, base, now);
    expect(new URL(url).origin).toBe(base);
  });

  const id = "meeting";
  it.each([
    ["no config", undefined, "Missing config"],
    ["no token", { id }, "Missing token"],
    ["a short token", { id, token: "a.b.c" }, "Invalid token"],
    ["a long string that is no token", { id, token: "x".repeat(300) }, "Invalid token"],
    ["no id", { token: makeToken() }, "Missing id"],
    ["an id that is not there", { id: "nowhere", token: makeToken() }, "Invalid id"],
    ["no room in the token", { id, token: makeToken({ room: "" }) }, "Invalid token"],
    ["no stream name in the token", { id, token: makeToken({ streamname: undefined }) }, "Invalid token"],
    ["no organisation in the token", { id, token: makeToken({ sub: undefined }) }, "Invalid token"],
    ["a token for later", { id, token: makeToken({ nbf: seconds + 60 }) }, "Token not valid yet"],
    ["a token from the past", { id, token: makeToken({ exp: seconds - 1 }) }, "Token expired"],
    ["a bad width", { id, token: makeToken(), width: {} }, "Invalid width"],
    ["a bad branding", { id, token: makeToken(), branding: "javascript:alert(1)" }, "Invalid branding"],
    ["too many columns", { id, token: makeToken(), tileView: { maxColumns: 6 } }, "Invalid tileView"],
  ])("refuses %s", (_, config, error) => {
    expect(() => checkInit(config, base, now)).toThrow(expect.objectContaining({ error, message: expect.stringMatching(/\.$|\)\.$/) }));
  });
});

describe("decodeToken", () => {
  it("reads names beyond ASCII", () => expect(decodeToken(makeToken({ sub: "Bäckerei 🥨" })).sub).toBe("Bäckerei 🥨"));
  it.each(["", "a.b", "a.!!.c", `a.${btoa("[]")}.c`, `a.${btoa("nonsense")}.c`])("refuses %j", (token) =>
    expect(() => decodeToken(token)).toThrow(),
  );
});

it("queryVariable tells absent, once and repeated apart", () => {
  expect(queryVariable("?a=1&b=x%20y&c=1&c=2", "a")).toBe("1");
  expect(queryVariable("?a=1&b=x%20y&c=1&c=2", "b")).toBe("x y");
  expect(queryVariable("?a=1&b=x%20y&c=1&c=2", "c")).toEqual(["1", "2"]);
  expect(queryVariable("?a=1", "d")).toBe(false);
});
