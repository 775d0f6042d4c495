import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Participant, Want } from "../protocol/messages";
import { gridBoxes, gridCapacity, speakerBoxes, stripCapacity, type Area, type Box } from "./layout";
import { initials, Presence } from "./presence";
import { crowdOrder, pageOf, planStage, type StageInput, type TileSpec } from "./tiles";
import { Viewport, wantedSize } from "./viewport";

const AREAS: Area[] = [
  { width: 1424, height: 760 },
  { width: 374, height: 700 },
  { width: 700, height: 374 },
  { width: 2544, height: 1300 },
  { width: 320, height: 240 },
];

const inside = (b: Box, a: Area) => b.x >= 0 && b.y >= 0 && b.x + b.width <= a.width + 1 && b.y + b.height <= a.height + 1;
const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

describe("gridBoxes", () => {
  it.each(AREAS)("fits any number into %o without overlap", (area) => {
    for (let n = 1; n <= gridCapacity(area); n++) {
      const boxes = gridBoxes(n, area);
      expect(boxes).toHaveLength(n);
      expect(boxes.every((b) => inside(b, area)), `${n} inside`).toBe(true);
      boxes.forEach((b, i) => boxes.slice(i + 1).forEach((c) => expect(apart(b, c)).toBe(true)));
      expect(new Set(boxes.map((b) => `${b.width}x${b.height}`)).size).toBe(1);
    }
  });

  it.each([
    [2, { width: 1424, height: 760 }, 2], // side by side
    [2, { width: 374, height: 700 }, 1], // one above the other
    [4, { width: 374, height: 700 }, 2],
    [4, { width: 1424, height: 760 }, 2],
    [9, { width: 1424, height: 760 }, 3],
  ])("puts %i into %o in %i columns", (n, area, columns) => {
    expect(new Set(gridBoxes(n, area).map((b) => b.x)).size).toBe(columns);
  });

  it("uses the window well", () => {
    for (const n of [1, 4, 6, 9, 16]) {
      const area = { width: 1424, height: 760 };
      const used = gridBoxes(n, area).reduce((sum, b) => sum + b.width * b.height, 0);
      expect(used / (area.width * area.height), `${n} tiles`).toBeGreaterThan(0.8);
    }
  });

  it("survives a window without size", () => {
    expect(gridBoxes(3, { width: 0, height: 0 })).toEqual([]);
    expect(gridCapacity({ width: 0, height: 0 })).toBe(1);
  });
});

describe("speakerBoxes", () => {
  it.each(AREAS)("keeps main and strip apart in %o", (area) => {
    const { main, strip } = speakerBoxes(stripCapacity(area), area);
    for (const box of [main, ...strip]) expect(inside(box, area)).toBe(true);
    for (const box of strip) expect(apart(main, box)).toBe(true);
    expect(main.width * main.height).toBeGreaterThan(strip[0]!.width * strip[0]!.height);
  });

  it("gives a lone main picture everything", () => {
    expect(speakerBoxes(0, { width: 800, height: 600 })).toEqual({ main: { x: 0, y: 0, width: 800, height: 600 }, strip: [] });
  });
});

const person = (id: string, sources: Participant["sources"] = { camera: "on" }): Participant => ({ id, name: id, sources });

describe("planStage", () => {
  const people = [person("me"), person("ann"), person("bob", { camera: "on", screen: "on" }), person("cat")];
  const plan = (change: Partial<StageInput>) => {
    const p = planStage({ participants: people.filter((x) => x.id !== "bob"), self: "me", speakers: [], layout: "grid", ...change });
    return [p.main?.key, ...p.rest.map((t) => t.key)];
  };

  it("shows everybody in a grid, oneself last", () => {
    expect(plan({})).toEqual([undefined, "ann/camera", "cat/camera", "me/camera"]);
  });

  it("makes a shared screen main, even in a grid", () => {
    expect(plan({ participants: people })[0]).toBe("bob/screen");
  });

  it("lets a pin win over everything, until the pinned one is gone", () => {
    expect(plan({ participants: people, pinned: "cat/camera" })[0]).toBe("cat/camera");
    expect(plan({ pinned: "zoe/camera" })[0]).toBeUndefined();
  });

  it("follows the speaker but never oneself, and stays when it is quiet", () => {
    expect(plan({ layout: "speaker", speakers: ["me", "cat"] })[0]).toBe("cat/camera");
    expect(plan({ layout: "speaker", speakers: [], previousMain: "cat/camera" })[0]).toBe("cat/camera");
    expect(plan({ layout: "speaker" })[0]).toBe("ann/camera");
  });

  it("does not share a screen that has been stopped", () => {
    expect(plan({ participants: [person("me"), person("bob", { screen: "muted" })] })[0]).toBeUndefined();
  });
});

describe("pageOf", () => {
  it.each([
    [10, 4, 0, [0, 1, 2, 3], 0, 3],
    [10, 4, 2, [8, 9], 2, 3],
    [10, 4, 9, [8, 9], 2, 3], // people left, the page is gone
    [0, 4, 1, [], 0, 1],
  ])("cuts %i by %i, page %i", (n, size, page, items, at, pages) => {
    expect(pageOf([...Array(n).keys()], size, page)).toEqual({ items, page: at, pages });
  });
});

describe("crowdOrder", () => {
  const tiles = (text: string): TileSpec[] =>
    text.split(" ").map((p) => ({ key: p, participant: p.replace("*", ""), source: p.includes("*") ? "screen" : "camera" }));
  const order = (items: string, size: number, pictures: string, spoke: string) =>
    crowdOrder(tiles(items), size, (t) => pictures.includes(t.key), spoke ? spoke.split(" ") : [])
      .map((t) => t.key)
      .join(" ");

  it.each([
    ["changes nothing that fits on a page", "a b c", 3, "c", "c", "a b c"],
    ["puts pictures first, otherwise as they joined", "a b c d e", 2, "b e", "", "b e a c d"],
    ["puts a speaker in the place of the last who is silent", "a b c d", 2, "a b", "d", "a d c b"],
    ["leaves speakers where they are", "a b c d", 2, "a b", "b a", "a b c d"],
    ["lets the newer speaker win", "a b c d e", 2, "a b", "e d b", "e d c b a"],
    ["keeps screens", "s* b c", 1, "s* b", "c", "s* b c"],
  ])("%s", (_, items, size, pictures, spoke, want) => expect(order(items, size, pictures, spoke)).toBe(want));
});

describe("Viewport", () => {
  let sent: Want[][];
  let up: boolean;
  let viewport: Viewport;
  const want = (n: number): Want[] => [{ participant: `p${n}`, source: "camera", width: 320, height: 176 }];

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    up = true;
    viewport = new Viewport((w) => up && !!sent.push(w), () => Date.now());
  });
  afterEach(() => {
    viewport.close();
    vi.useRealTimers();
  });

  it("sends the first at once and merges a run", () => {
    for (let i = 0; i < 5; i++) viewport.set(want(i));
    expect(sent).toEqual([want(0)]);
    vi.advanceTimersByTime(250);
    expect(sent).toEqual([want(0), want(4)]);
  });

  it("does not repeat itself unless told to", () => {
    viewport.set(want(1));
    vi.advanceTimersByTime(300);
    viewport.set(want(1));
    vi.advanceTimersByTime(300);
    expect(sent).toHaveLength(1);
    viewport.repeat();
    expect(sent).toHaveLength(2);
  });

  it("sends later what could not be sent", () => {
    up = false;
    viewport.set(want(1));
    expect(sent).toEqual([]);
    up = true;
    viewport.repeat();
    expect(sent).toEqual([want(1)]);
  });

  it("asks in device pixels, in steps", () => {
    expect(wantedSize({ width: 321, height: 180 }, 2)).toEqual({ width: 656, height: 368 });
    expect(wantedSize({ width: 322, height: 181 }, 2)).toEqual({ width: 656, height: 368 });
  });
});

describe("presence", () => {
  it("ignores updates and farewells of strangers", () => {
    const presence = new Presence();
    expect(presence.apply({ type: "participants", updated: [person("x")], left: [{ id: "y", reason: "left" }] })).toEqual({ joined: [], left: [] });
    expect(presence.all).toEqual([]);
  });

  it.each([
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["Jean-Luc  Picard", "JP"],
    ["", "?"],
    ["  ", "?"],
    ["😀 smile", "😀S"],
  ])("makes initials of %j", (name, letters) => expect(initials(name)).toBe(letters));
});
