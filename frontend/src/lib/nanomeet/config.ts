import { fail } from "./failure";
import { checkUsable, type TokenPayload } from "./token";

/** How the tiles of the meeting are laid out. */
export interface TileView {
  /** Size of a tile, px. */
  size?: number;
  /** 1 to 5. */
  maxColumns?: number;
  /** Tiles in a column instead of rows. */
  vertical?: boolean;
}

/** What init takes. */
export interface InitConfig {
  token: string;
  /** Id of the div that the meeting goes into. */
  id: string;
  /** Pixels or a CSS size; 100% without. */
  height?: number | string;
  width?: number | string;
  /** URL of a branding file. */
  branding?: string;
  tileView?: TileView;
}

/** A checked InitConfig. */
export interface Embedding {
  payload: TokenPayload;
  parent: HTMLElement;
  width: string;
  height: string;
  /** The meeting page with token and fragment. */
  url: string;
}

/** checkInit refuses what cannot be embedded; now is Unix ms. */
export function checkInit(config: unknown, base: string, now: number): Embedding {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    return fail("Missing config", "Pass an object with token and id: init({ token, id }).");
  }
  const { token, id, width, height, branding, tileView } = config as Record<string, unknown>;
  const payload = checkUsable(token, now);
  if (typeof id !== "string" || id === "") {
    return fail("Missing id", "Pass the id of the div that the meeting goes into: init({ token, id }).");
  }
  const parent = document.getElementById(id);
  if (!parent) return fail("Invalid id", `The page has no element with the id "${id}". Call init when it is there.`);
  const fragment = [
    branding === undefined || branding === "" ? "" : `config.branding=${encode(checkBranding(branding))}`,
    tileView === undefined ? "" : `config.tileView=${encode(checkTileView(tileView))}`,
  ].filter(Boolean);
  const path = `${encodeURIComponent(payload.sub)}/${encodeURIComponent(payload.room)}`;
  const hash = fragment.length ? `#${fragment.join("&")}` : "";
  return {
    payload,
    parent,
    width: checkSize(width, "width"),
    height: checkSize(height, "height"),
    url: `${base}/${path}?jwt=${encodeURIComponent(token as string)}${hash}`,
  };
}

function checkSize(value: unknown, field: string): string {
  if (value === undefined || value === null || value === "") return "100%";
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return `${value}px`;
  if (typeof value === "string") return /^\d+(\.\d+)?$/.test(value) ? `${value}px` : value;
  return fail(`Invalid ${field}`, `${field} is a number of pixels or a CSS size such as "100%".`);
}

function checkBranding(value: unknown): string {
  if (typeof value === "string") {
    try {
      const url = new URL(value, document.baseURI);
      if (url.protocol === "https:" || url.protocol === "http:") return url.href;
    } catch {
      // Refused below.
    }
  }
  return fail("Invalid branding", "branding is the URL of a JSON file.");
}

function checkTileView(value: unknown): TileView {
  const { size, maxColumns, vertical } = (typeof value === "object" && value !== null ? value : {}) as TileView;
  const good =
    typeof value === "object" &&
    value !== null &&
    (size === undefined || (typeof size === "number" && size > 0)) &&
    (maxColumns === undefined || (Number.isInteger(maxColumns) && maxColumns >= 1 && maxColumns <= 5)) &&
    (vertical === undefined || typeof vertical === "boolean");
  if (!good) return fail("Invalid tileView", "tileView is { size: pixels, maxColumns: 1 to 5, vertical: true or false }.");
  return { ...(size !== undefined && { size }), ...(maxColumns !== undefined && { maxColumns }), ...(vertical !== undefined && { vertical }) };
}

/** encode writes a value into the fragment: JSON, percent-encoded. */
function encode(value: unknown): string {
  return encodeURIComponent(JSON.stringify(value));
}
