import type { DeviceChoice } from "../media/local";
import type { Layout } from "../protocol/messages";

/** What the browser remembers of its user between meetings. */
export interface Prefs extends DeviceChoice {
  name?: string;
  layout?: Layout;
  /** Whether microphone and camera were on when the last meeting was joined. */
  microphoneOn?: boolean;
  cameraOn?: boolean;
}

const KEY = "meetcast.prefs.v1";

export function loadPrefs(): Prefs {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof parsed === "object" && parsed !== null ? (parsed as Prefs) : {};
  } catch {
    return {}; // storage is refused in some frames: nothing is remembered then
  }
}

export function savePrefs(change: Partial<Prefs>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...loadPrefs(), ...change }));
  } catch {
    // as above
  }
}
