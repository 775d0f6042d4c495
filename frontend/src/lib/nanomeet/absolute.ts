/** Links that a server without a configured public URL hands out are paths. */

const linkNames = new Set(["live", "vod"]);

/** absoluteLinks returns a copy of data in which every link to watch is a whole URL. */
export function absoluteLinks<T>(data: T, base: string): T {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return data;
  const entries = Object.entries(data).map(([name, value]: [string, unknown]) => {
    if (linkNames.has(name) && typeof value === "string") return [name, absolute(value, base)];
    if (name === "playout" || name === "playback") return [name, absoluteLinks(value, base)];
    return [name, value];
  });
  return Object.fromEntries(entries) as T;
}

function absolute(link: string, base: string): string {
  return link.startsWith("/") && !link.startsWith("//") ? base + link : link;
}
