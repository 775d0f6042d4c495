import type { Broadcast } from "../protocol/messages";

/** What the state of a broadcast is called. */
export const statusWord: Record<Broadcast["status"], string> = {
  idle: "Off air",
  starting: "Starting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  stopping: "Stopping…",
  stopped: "Off air",
  failed: "Failed",
};

/** True from the click on start until everything is stopped. */
export const running = ({ status }: Broadcast): boolean =>
  status === "starting" || status === "live" || status === "reconnecting" || status === "stopping";

/** True while viewers see something, or should. */
export const onAir = ({ status }: Broadcast): boolean => status === "live" || status === "reconnecting";

/** 3:07 or 1:02:45. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
