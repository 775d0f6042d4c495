/** latencyText writes a latency (ms) for the badge. */
export function latencyText(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return "";
  return `${Math.max(0, ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** bytesText writes an amount of data. */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** rateText writes a bitrate (bit/s). */
export function rateText(bits: number): string {
  return bits < 1e6 ? `${Math.round(bits / 1e3)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}
