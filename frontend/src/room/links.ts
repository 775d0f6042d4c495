import type { Broadcast } from "../protocol/messages";

/** A piece of a text: plain, or a link. */
export interface TextPart {
  text: string;
  href?: string;
}

/** Cuts a text at its http(s) addresses; closing punctuation belongs to the text. */
export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+/gi)) {
    const url = match[0].replace(/[.,;:!?)\]}]+$/, "");
    if (!URL.canParse(url)) continue;
    if (match.index > at) parts.push({ text: text.slice(at, match.index) });
    parts.push({ text: url, href: url });
    at = match.index + url.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

/**
 * Completes the links of a broadcast with the host at which this page reached
 * the server: a server that was told no public URL sends them without one.
 */
export function completeLinks(b: Broadcast, server: URL): Broadcast {
  const http = new URL(server);
  http.protocol = server.protocol.replace("ws", "http");
  const link = (path: string | undefined) => path && new URL(path, http).href;
  return {
    ...b,
    ...(b.live ? { live: link(b.live) } : {}),
    ...(b.vod ? { vod: link(b.vod) } : {}),
    ...(b.nanoStream ? { nanoStream: b.nanoStream.replace(/^(rtmps?:\/\/):/, `$1${server.hostname}:`) } : {}),
  } as Broadcast;
}
