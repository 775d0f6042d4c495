import type { Way, WayName } from "../media/reach";

/** One step of the way to the server, for people. */
export interface Step {
  name: string;
  state: "ok" | "failed" | "trying" | "none";
  text: string;
}

const NAMES: Record<WayName, string> = { udp: "Direct, UDP", tcp: "Direct, TCP", relay: "Relay" };

/** What was tried, step by step. */
export function steps(ways: Way[], signaling: boolean): Step[] {
  const first: Step = signaling
    ? { name: "Meeting server", state: "ok", text: "Reached. Chat and the list of people work." }
    : { name: "Meeting server", state: "failed", text: "The connection is lost. Reconnecting…" };
  return [first, ...ways.map(step)];
}

function step(way: Way): Step {
  const name = NAMES[way.name];
  const where = targets(way.targets);
  switch (way.state) {
    case "answered":
      return { name, state: "ok", text: "It answers. Setting up the connection…" };
    case "none":
      return { name, state: "none", text: way.name === "relay" ? "This server offers none." : "This server does not offer this way." };
    case "waiting":
      return { name, state: "trying", text: where ? `About to try ${where}.` : "About to try." };
  }
  if (way.name !== "relay") return { name, state: "failed", text: `No answer from ${where}.` };
  return way.reached
    ? { name, state: "failed", text: "The relay answers, but passes nothing on to the meeting." }
    : { name, state: "failed", text: "The relay does not answer either." };
}

/** At most two addresses, then how many more. */
function targets(list: string[]): string {
  const shown = list.slice(0, 2).join(" and ");
  return list.length > 2 ? `${shown} and ${list.length - 2} more` : shown;
}

/** What can be done, the likeliest first. */
export function advice(ways: Way[]): string[] {
  const found = (name: WayName) => ways.find((w) => w.name === name)!;
  const addresses = [...found("udp").targets, ...found("tcp").targets];
  const list: string[] = [];
  if (addresses.length === 0) {
    list.push("The server names no address for sound and pictures. Whoever runs it can find out more with “meetcast doctor”.");
  } else if (addresses.every(unroutable)) {
    list.push(
      "The server names only addresses that exist inside its own network. Unless you are in that network, whoever runs it has to set rtc.advertised_ips.",
    );
  }
  list.push("Try another network, such as a phone’s hotspot, and switch off a VPN.");
  const port = addresses[0]?.match(/:(\d+)$/)?.[1];
  if (port) {
    list.push(`In an office or school, ask for port ${port} to be opened, UDP best and TCP as well.`);
  }
  if (found("relay").state === "none") list.push("Whoever runs the server can switch on its relay (turn.enabled).");
  return list;
}

/** Addresses that mean nothing outside one network: RFC 1918, 3849, 3927, 4193, 5737, loopback. */
export function unroutable(address: string): boolean {
  return (
    /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(address) ||
    /^(192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)/.test(address) ||
    /^\[(::1\]|f[cd]|fe[89ab]|2001:db8:)/i.test(address)
  );
}
