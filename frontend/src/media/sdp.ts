import type { Source, TrackLine } from "../protocol/messages";

/** Opus parameters (RFC 7587 §6.1) that the remote description asks the encoder for. */
const OPUS: Partial<Record<Source, Record<string, string>>> = {
  // Speech: nothing is sent in silence, and lost packets are concealed.
  microphone: { usedtx: "1", useinbandfec: "1", maxaveragebitrate: "40000" },
  // Sound of a film or of music: no gaps, both channels.
  "screen-audio": { stereo: "1", "sprop-stereo": "1", usedtx: "0", maxaveragebitrate: "128000" },
};

/**
 * Sets what the page's Opus encoders shall do in an answer, by the source of
 * each m-line. The encoder takes this from the remote description, and there is
 * no other portable way to set it.
 */
export function tuneOpus(answer: string, tracks: TrackLine[]): string {
  return answer
    .split(/(?=^m=)/m)
    .map((section) => {
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
      const source = tracks.find((t) => t.mid === mid)?.source;
      const wanted = source && OPUS[source];
      return wanted && section.startsWith("m=audio") ? setOpus(section, wanted) : section;
    })
    .join("");
}

function setOpus(section: string, wanted: Record<string, string>): string {
  const pt = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1];
  if (!pt) return section;
  const fmtp = new RegExp(`^a=fmtp:${pt} ([^\\r\\n]*)`, "m");
  const found = fmtp.exec(section)?.[1];
  if (found === undefined) {
    const line = `a=fmtp:${pt} ${format(new Map(Object.entries(wanted)))}`;
    return section.replace(new RegExp(`^(a=rtpmap:${pt} [^\\r\\n]*)`, "im"), `$1\r\n${line}`);
  }
  const params = new Map(found.split(";").map((p) => p.trim().split("=", 2) as [string, string]));
  for (const [key, value] of Object.entries(wanted)) params.set(key, value);
  return section.replace(fmtp, `a=fmtp:${pt} ${format(params)}`);
}

const format = (params: Map<string, string>) =>
  [...params].map(([key, value]) => (value === undefined ? key : `${key}=${value}`)).join(";");
