import { html, type TemplateResult } from "lit";
import type { PlayerStats } from "../../player/player";
import { bytesText, latencyText, rateText } from "./format";

/** Throughput measures what arrives, over the last few seconds. */
export class Throughput {
  #marks: { at: number; bytes: number }[] = [];

  /** add takes the bytes received so far at a time (ms) and gives bit/s. */
  add(at: number, bytes: number): number {
    if (bytes < (this.#marks.at(-1)?.bytes ?? 0)) this.#marks = [];
    this.#marks.push({ at, bytes });
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > 4000) this.#marks.shift();
    const first = this.#marks[0]!;
    return at > first.at ? ((bytes - first.bytes) * 8000) / (at - first.at) : 0;
  }
}

const sourceNames = { whep: "WebRTC (WHEP)", ws: "fMP4 over WebSocket", hls: "Low-latency HLS" };

/** statsPanel shows the player's figures. */
export function statsPanel(stats: PlayerStats, name: string, bits: number): TemplateResult {
  const fps = stats.fps ? ` @ ${Math.round(stats.fps)}` : "";
  const rows: [string, string][] = [
    ["Stream", name],
    ["Source", stats.source ? sourceNames[stats.source] : "none"],
    ["Picture", stats.width ? `${stats.width} × ${stats.height}${fps}` : "none"],
    ["Codecs", stats.codecs ?? "not told"],
    ["Latency", latencyText(stats.latencyMs) || "not measured"],
    ["Buffer", `${stats.bufferMs} ms${stats.targetMs === undefined ? "" : ` (aims at ${stats.targetMs})`}`],
    ["Speed", `${stats.rate.toFixed(2)}×`],
    ["Dropped", `${stats.droppedFrames} of ${stats.totalFrames} pictures`],
    ["Received", `${bytesText(stats.bytes)}, ${rateText(bits)}`],
    ["Connections", String(stats.connects)],
  ];
  return html`<dl class="stats" aria-label="Figures">
    ${rows.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
