/** toLocalInput writes a time (Unix ms) as a datetime-local field wants it, in local time. */
export function toLocalInput(time: number): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** fromLocalInput reads such a field; NaN when it is empty or no date. */
export function fromLocalInput(text: string): number {
  return /^\d{4,}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text).getTime() : NaN;
}

/** dateText writes a time for people, in their language and zone. */
export function dateText(time: number): string {
  return Number.isFinite(time) ? new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(time) : "";
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 24 * 3600_000],
  ["hour", 3600_000],
  ["minute", 60_000],
];

/** fromNow writes the distance of a time from now: "in 3 hours". */
export function fromNow(time: number, now: number): string {
  const distance = time - now;
  const [unit, size] = steps.find(([, size]) => Math.abs(distance) >= size) ?? ["minute", 60_000];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(distance / size), unit);
}
