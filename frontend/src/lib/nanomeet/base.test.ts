import { describe, expect, it } from "vitest";
import { baseOfScript, baseOfServer } from "./base";

describe("baseOfScript", () => {
  it.each([
    ["https://meet.example.com/js/nanomeet.js", "https://meet.example.com"],
    ["https://meet.example.com/nanomeet-frontend/js/nanomeet.js?v=2", "https://meet.example.com"],
    ["http://localhost:8080/js/nanomeet.js", "http://localhost:8080"],
    ["https://example.com/video/js/nanomeet.js", "https://example.com/video"],
    ["https://cdn.example.com/bundle.js", "https://cdn.example.com"],
  ])("%s → %s", (src, base) => expect(baseOfScript(src)).toBe(base));
});

describe("baseOfServer", () => {
  it.each([
    ["meet.example.com", "https://meet.example.com"],
    ["meet.example.com:8443", "https://meet.example.com:8443"],
    ["localhost:8080", "http://localhost:8080"],
    ["127.0.0.1", "http://127.0.0.1"],
    ["[::1]:9000", "http://[::1]:9000"],
    ["localhost.example.com", "https://localhost.example.com"],
    ["http://10.0.0.5:8080/", "http://10.0.0.5:8080"],
    ["https://example.com/video/", "https://example.com/video"],
  ])("%s → %s", (server, base) => expect(baseOfServer(server)).toBe(base));

  it.each(["", "javascript:alert(1)", "data://x", "https://user:secret@example.com", "http://"])("refuses %j", (server) =>
    expect(() => baseOfServer(server)).toThrow(expect.objectContaining({ error: "Invalid server" })),
  );
});
