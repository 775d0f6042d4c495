/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number; reason: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }

  static make = (url: string, protocol: string): WebSocket => new FakeSocket(url, protocol) as unknown as WebSocket;

  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  /* What the server does. */

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drop(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** The newest message of a type. */
  of(type: string): Record<string, unknown> | undefined {
    return this.sent.findLast((m) => m.type === type);
  }

  count(type: string): number {
    return this.sent.filter((m) => m.type === type).length;
  }
}

/** The answer to a join, with the usual values. */
export const joined = (change: object = {}) => ({
  type: "joined",
  version: 1,
  self: "me",
  resume: "secret",
  resumed: false,
  room: { name: "acme/standup" },
  moderator: true,
  participants: [{ id: "me", name: "Ann", moderator: true, sources: {} }],
  chat: [],
  broadcast: { status: "idle" },
  iceServers: [],
  audioSlots: 3,
  maxVideoSlots: 25,
  ...change,
});
