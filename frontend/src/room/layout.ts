/** Where tiles go: plain geometry in CSS pixels. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Area {
  width: number;
  height: number;
}

/** Distance between tiles, px. */
export const GAP = 8;
const WIDEST = 16 / 9;
/** Tiles may become this narrow, in a landscape and in a portrait window. */
const NARROWEST = { landscape: 6 / 5, portrait: 3 / 5 };
/** A tile smaller than this shows nobody; a grid with more of them has pages. */
const SMALLEST: Area = { width: 148, height: 104 };
const MOST_TILES = 25;

/** The largest even tiles that fit n times into an area; the last row is centred. */
export function gridBoxes(n: number, area: Area): Box[] {
  if (n <= 0 || area.width <= 0 || area.height <= 0) return [];
  const { columns, tile } = bestGrid(n, area);
  const rows = Math.ceil(n / columns);
  const top = (area.height - (rows * tile.height + (rows - 1) * GAP)) / 2;
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? n - row * columns : columns;
    const left = (area.width - (inRow * tile.width + (inRow - 1) * GAP)) / 2;
    return round({
      x: left + (i % columns) * (tile.width + GAP),
      y: top + row * (tile.height + GAP),
      ...tile,
    });
  });
}

/** How many tiles fit on one page before they get too small. */
export function gridCapacity(area: Area): number {
  const columns = Math.max(1, Math.floor((area.width + GAP) / (SMALLEST.width + GAP)));
  const rows = Math.max(1, Math.floor((area.height + GAP) / (SMALLEST.height + GAP)));
  return Math.min(MOST_TILES, columns * rows);
}

function bestGrid(n: number, area: Area): { columns: number; tile: Area } {
  let best = { columns: 1, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const tile = fit(
      {
        width: (area.width - (columns - 1) * GAP) / columns,
        height: (area.height - (rows - 1) * GAP) / rows,
      },
      area.width < area.height ? NARROWEST.portrait : NARROWEST.landscape,
    );
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, tile };
  }
  return best;
}

/** The largest tile in a cell whose shape is between narrowest and 16:9. */
function fit(cell: Area, narrowest: number): Area {
  const width = Math.max(0, cell.width);
  const height = Math.max(0, cell.height);
  const shape = Math.min(WIDEST, Math.max(narrowest, width / height));
  return width / height > shape ? { width: height * shape, height } : { width, height: width / shape };
}

export interface SpeakerBoxes {
  main: Box;
  strip: Box[];
}

/** How many tiles the strip beside the main picture holds. */
export function stripCapacity(area: Area): number {
  const { along, step } = strip(area);
  return Math.max(1, Math.floor((along + GAP) / (step + GAP)));
}

/**
 * A main picture with a strip of n tiles: to the right in a landscape window,
 * below in a portrait one.
 */
export function speakerBoxes(n: number, area: Area): SpeakerBoxes {
  if (n === 0) return { main: round({ x: 0, y: 0, ...area }), strip: [] };
  const { tile, vertical, along, step } = strip(area);
  const offset = (along - (n * step + (n - 1) * GAP)) / 2;
  const main = vertical
    ? { x: 0, y: 0, width: area.width - tile.width - GAP, height: area.height }
    : { x: 0, y: 0, width: area.width, height: area.height - tile.height - GAP };
  const boxes = Array.from({ length: n }, (_, i) => {
    const at = Math.max(0, offset) + i * (step + GAP);
    return round(
      vertical
        ? { x: area.width - tile.width, y: at, ...tile }
        : { x: at, y: area.height - tile.height, ...tile },
    );
  });
  return { main: round(main), strip: boxes };
}

function strip(area: Area): { tile: Area; vertical: boolean; along: number; step: number } {
  const vertical = area.width >= area.height;
  if (vertical) {
    const width = Math.min(256, Math.max(120, area.width * 0.18));
    const tile = { width, height: width / WIDEST };
    return { tile, vertical, along: area.height, step: tile.height };
  }
  const width = Math.min(200, Math.max(108, area.width * 0.3));
  const tile = { width, height: width * 0.75 };
  return { tile, vertical, along: area.width, step: tile.width };
}

/** Whole pixels: half ones blur pictures and text. */
const round = (b: Box): Box => ({
  x: Math.round(b.x),
  y: Math.round(b.y),
  width: Math.floor(b.width),
  height: Math.floor(b.height),
});
