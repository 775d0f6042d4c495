import { describe, expect, it } from "vitest";
import { duration, onAir, running } from "./broadcast-words";
import { SHORTCUTS, shortcutOf } from "./shortcuts";

describe("duration", () => {
  it.each([
    [0, "0:00"],
    [-5, "0:00"],
    [187_000, "3:07"],
    [3_765_000, "1:02:45"],
  ])("of %i ms", (ms, text) => expect(duration(ms)).toBe(text));
});

describe("a broadcast", () => {
  it.each([
    ["idle", false, false],
    ["starting", true, false],
    ["live", true, true],
    ["reconnecting", true, true],
    ["stopping", true, false],
    ["stopped", false, false],
    ["failed", false, false],
  ] as const)("that is %s", (status, runs, airs) => {
    expect([running({ status }), onAir({ status })]).toEqual([runs, airs]);
  });
});

describe("shortcutOf", () => {
  const press = (key: string, extra: object = {}) => shortcutOf({ key, target: null, ...extra } as unknown as KeyboardEvent);

  it("knows each key once", () => {
    for (const s of SHORTCUTS) expect(press(s.key.toUpperCase())).toBe(s.action);
    expect(new Set(SHORTCUTS.map((s) => s.key)).size).toBe(SHORTCUTS.length);
  });

  it("leaves fields, dialogs and the browser alone", () => {
    expect(press("m", { target: { closest: () => ({}) } })).toBeUndefined();
    expect(press("c", { ctrlKey: true })).toBeUndefined();
    expect(press("m", { repeat: true })).toBeUndefined();
    expect(press("q")).toBeUndefined();
  });
});
