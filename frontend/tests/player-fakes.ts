/** Fakes of what jsdom lacks for the player: sockets and media sources. */
import { vi } from "vitest";

/** A WebSocket that the test opens, feeds and breaks. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }
  binaryType = "";
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.();
  }
  tell(message: object | ArrayBuffer): void {
    this.onmessage?.({ data: message instanceof ArrayBuffer ? message : JSON.stringify(message) });
  }
  break(): void {
    this.onclose?.();
  }
}

/** A SourceBuffer that takes everything at once, and can be told to refuse. */
export class FakeBuffer extends EventTarget {
  updating = false;
  appended: number[] = [];
  removed: [number, number][] = [];
  ranges: [number, number][] = [];
  refuse: Error | undefined;
  get buffered() {
    return timeRanges(this.ranges);
  }
  appendBuffer(data: ArrayBuffer): void {
    if (this.refuse) throw this.refuse;
    this.appended.push(data.byteLength);
    this.updating = true;
  }
  remove(start: number, end: number): void {
    this.removed.push([start, end]);
    this.updating = true;
  }
  done(): void {
    this.updating = false;
    this.dispatchEvent(new Event("updateend"));
  }
}

export class FakeMediaSource extends EventTarget {
  static all: FakeMediaSource[] = [];
  static get last(): FakeMediaSource {
    return FakeMediaSource.all.at(-1)!;
  }
  static isTypeSupported = (type: string): boolean => !type.includes("hev1");
  buffer = new FakeBuffer();
  constructor() {
    super();
    FakeMediaSource.all.push(this);
  }
  addSourceBuffer(): FakeBuffer {
    return this.buffer;
  }
  open(): void {
    this.dispatchEvent(new Event("sourceopen"));
  }
}

export function timeRanges(ranges: [number, number][]): TimeRanges {
  return { length: ranges.length, start: (i: number) => ranges[i]![0], end: (i: number) => ranges[i]![1] };
}

/** fakeVideo is a video element with a position that the test moves. */
export function fakeVideo(): HTMLVideoElement & { ranges: [number, number][] } {
  const video = document.createElement("video");
  const state = { ranges: [] as [number, number][], paused: true, readyState: 4 };
  Object.defineProperties(video, {
    ranges: { get: () => state.ranges, set: (ranges: [number, number][]) => (state.ranges = ranges) },
    buffered: { get: () => timeRanges(state.ranges) },
    paused: { get: () => state.paused },
    readyState: { get: () => state.readyState },
    currentTime: { value: 0, writable: true },
    playbackRate: { value: 1, writable: true },
    load: { value: () => {} },
    play: { value: async () => void (state.paused = false), writable: true },
    pause: { value: () => void (state.paused = true) },
  });
  return video as HTMLVideoElement & { ranges: [number, number][] };
}

/** installFakes puts the fakes into the window. */
export function installFakes(): void {
  FakeSocket.all = [];
  FakeMediaSource.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("MediaSource", FakeMediaSource);
  URL.createObjectURL = () => "blob:fake";
  URL.revokeObjectURL = () => {};
}

export const init = { type: "init", codecs: "avc1.42C01F,mp4a.40.2", width: 640, height: 360, fps: 30 };
export const bytes = (length: number): ArrayBuffer => new ArrayBuffer(length);
