import type { SourceKind } from "../../player/player";

/** What the address of the player page says. */
export interface PlayerParams {
  /** Name of the stream; empty when the address names none. */
  name: string;
  muted: boolean;
  autoplay: boolean;
  controls: boolean;
  source: SourceKind | undefined;
}

/** readPlayerParams reads the query of the page's address. */
export function readPlayerParams(search: string): PlayerParams {
  const query = new URLSearchParams(search);
  const source = query.get("transport") ?? query.get("source");
  return {
    name: (query.get("bintu.streamname") ?? query.get("h5live.rtmp.streamname") ?? "").trim(),
    muted: flag(query, "muted", false),
    autoplay: flag(query, "autoplay", true),
    controls: flag(query, "controls", true),
    source: source === "whep" || source === "ws" || source === "hls" ? source : undefined,
  };
}

// flag reads ?muted, ?muted=1, ?muted=true, ?muted=false …
function flag(query: URLSearchParams, name: string, missing: boolean): boolean {
  const value = query.get(name)?.toLowerCase();
  if (value === undefined) return missing;
  return !["0", "false", "no", "off"].includes(value);
}
