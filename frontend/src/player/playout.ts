/** What GET /playout/{name} tells of a stream. Paths are absolute. */
export interface Playout {
  name: string;
  state: "live" | "offline";
  /** WebSocket with fMP4. */
  ws?: string;
  /** WHEP endpoint, while the broadcast of a room is on air. */
  whep?: string;
  /** The server's clock, Unix ms. */
  at?: number;
  /** LL-HLS playlist. */
  hls?: string;
  video?: { codec?: string; width?: number; height?: number; fps?: number };
  audio?: { codec?: string };
}

/** askPlayout fetches the playout of a stream; undefined when the server does not know it. */
export async function askPlayout(base: string, name: string, signal: AbortSignal): Promise<Playout | undefined> {
  const response = await fetch(`${base}/playout/${encodeURIComponent(name)}`, { signal, cache: "no-store", credentials: "omit" });
  if (response.status === 404 || response.status === 400) return undefined; // unknown, or not even a name
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
  return (await response.json()) as Playout;
}

/** codecsOf joins the codecs as a MIME type wants them; undefined when not told. */
export function codecsOf({ video, audio }: Playout): string | undefined {
  return [video?.codec, audio?.codec].filter((codec) => codec && /^[a-z0-9.]+$/i.test(codec)).join(",") || undefined;
}

/** socketURL turns a path of the server into a WebSocket address. */
export function socketURL(base: string, path: string): string {
  const url = new URL(path, base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
