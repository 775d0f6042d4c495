import type { Layout, Participant, VideoSource } from "../protocol/messages";
import { sends } from "./presence";

/** One picture on the stage: a participant's camera (or card), or a shared screen. */
export interface TileSpec {
  key: string;
  participant: string;
  source: VideoSource;
}

export interface StageInput {
  participants: Participant[];
  self: string;
  /** Dominant first. */
  speakers: string[];
  layout: Layout;
  /** Key of the tile that the person pinned, if any. */
  pinned?: string;
  /** The tile that was main before: it stays while nobody speaks. */
  previousMain?: string;
}

export interface StagePlan {
  /** The big one; absent in a grid. */
  main?: TileSpec;
  /** The others, in a stable order. */
  rest: TileSpec[];
}

export const tileKey = (participant: string, source: VideoSource): string => `${participant}/${source}`;

/**
 * Decides what is on the stage. A pinned tile is main, else a shared screen,
 * else in speaker layout the one who speaks; a grid without either has no main.
 */
export function planStage(input: StageInput): StagePlan {
  const tiles = allTiles(input);
  const main = pickMain(tiles, input);
  return main ? { main, rest: tiles.filter((t) => t.key !== main.key) } : { rest: tiles };
}

function allTiles({ participants, self }: StageInput): TileSpec[] {
  const spec = (p: Participant, source: VideoSource): TileSpec => ({
    key: tileKey(p.id, source),
    participant: p.id,
    source,
  });
  // Others first, in the order of joining; the self view is last and so never
  // pushes anybody to another page.
  const ordered = [...participants.filter((p) => p.id !== self), ...participants.filter((p) => p.id === self)];
  return [
    ...ordered.filter((p) => sends(p, "screen")).map((p) => spec(p, "screen")),
    ...ordered.map((p) => spec(p, "camera")),
  ];
}

function pickMain(tiles: TileSpec[], input: StageInput): TileSpec | undefined {
  const pinned = tiles.find((t) => t.key === input.pinned);
  if (pinned) return pinned;
  const screens = tiles.filter((t) => t.source === "screen");
  // Somebody else's screen before one's own: that one is known already.
  const screen = screens.find((t) => t.participant !== input.self) ?? screens[0];
  if (screen) return screen;
  if (input.layout !== "speaker" || tiles.length < 2) return undefined;
  const camera = (id: string | undefined) =>
    id === input.self ? undefined : tiles.find((t) => t.participant === id && t.source === "camera");
  return (
    camera(input.speakers.find((id) => id !== input.self)) ??
    tiles.find((t) => t.key === input.previousMain && t.participant !== input.self) ??
    tiles.find((t) => t.participant !== input.self)
  );
}

/**
 * The order of tiles that do not fit on one page: whoever sends a picture comes
 * before those who do not, and who spoke lately is on the first page, in the place
 * of somebody who did not. All others stay where they are.
 */
export function crowdOrder(
  items: TileSpec[],
  size: number,
  hasPicture: (t: TileSpec) => boolean,
  spoke: readonly string[], // the latest first
): TileSpec[] {
  if (items.length <= size) return items;
  const order = [...items.filter(hasPicture), ...items.filter((t) => !hasPicture(t))];
  const late = (t: TileSpec) => {
    const at = t.source === "camera" ? spoke.indexOf(t.participant) : -1;
    return at < 0 ? spoke.length : at;
  };
  const first = order.slice(0, size);
  const waiting = order.slice(size).filter((t) => late(t) < spoke.length);
  for (const speaker of waiting.sort((a, b) => late(a) - late(b))) {
    // The one who has been silent the longest makes room, the last of equals first.
    const quiet = first.reduce((q, t, i) => (t.source === "camera" && (q < 0 || late(t) >= late(first[q]!)) ? i : q), -1);
    if (quiet < 0 || late(first[quiet]!) <= late(speaker)) break;
    order[order.indexOf(speaker)] = first[quiet]!;
    order[quiet] = first[quiet] = speaker;
  }
  return order;
}

/** Cuts the tiles into pages of at most size; the number of the page is brought into range. */
export function pageOf<T>(items: T[], size: number, page: number): { items: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const at = Math.min(Math.max(0, page), pages - 1);
  return { items: items.slice(at * size, (at + 1) * size), page: at, pages };
}
