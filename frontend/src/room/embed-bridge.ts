import type { Broadcast, Participant } from "../protocol/messages";
import { RequestError } from "../protocol/client";
import {
  EMBED_VERSION,
  isEnvelope,
  type Command,
  type CommandResults,
  type CommandType,
  type EmbedError,
  type EmbedEvents,
  type EmbedEventType,
  type EmbedParticipant,
} from "../protocol/embed";
import type { Ended, Room } from "./room";

/** The two windows; in tests they are plain objects. */
export interface BridgeWindows {
  own: Pick<Window, "addEventListener" | "removeEventListener">;
  parent: Pick<Window, "postMessage">;
}

/** Events kept until the parent has said hello. */
const KEPT = 64;

/**
 * The iframe's side of the contract in protocol/embed.ts. It answers only to its
 * own parent window, and only to the origin that said hello first.
 */
export class EmbedBridge {
  #origin: string | undefined;
  #room: Room | undefined;
  #waiting: object[] = [];
  #off: (() => void)[] = [];

  constructor(private readonly windows: BridgeWindows) {
    windows.own.addEventListener("message", this.#onMessage);
    // Says nothing but that the script listens, so it may go to anybody.
    windows.parent.postMessage({ meetcast: EMBED_VERSION, type: "ready" }, "*");
  }

  /** The bridge of this page, when it is in a frame. */
  static ofThisPage(): EmbedBridge | undefined {
    return window.parent === window ? undefined : new EmbedBridge({ own: window, parent: window.parent });
  }

  /** Follows a room from now on. */
  attach(room: Room): void {
    for (const off of this.#off) off();
    this.#room = room;
    this.#off = [
      room.on("joined", (me) =>
        this.#event("joined", {
          self: person(me),
          room: room.info.name,
          participants: room.presence.all.filter((p) => p.id !== me.id).map(person),
        }),
      ),
      room.on("participantJoined", (p) => this.#event("participantJoined", person(p))),
      room.on("participantLeft", (p) => this.#event("participantLeft", { ...person(p), reason: p.reason })),
      room.on("broadcast", (b) => this.#event("broadcastStatus", broadcastStatus(b))),
      room.on("notice", ({ kind, text }) => {
        if (kind === "error") this.#event("error", { error: "meeting", message: text });
      }),
      room.on("ended", (e) => this.#onEnded(e)),
    ];
  }

  close(): void {
    this.windows.own.removeEventListener("message", this.#onMessage);
    for (const off of this.#off) off();
  }

  #onMessage = (e: MessageEvent): void => {
    if (e.source !== (this.windows.parent as unknown) || !isEnvelope(e.data)) return;
    if (e.data.type === "hello") {
      this.#origin ??= e.origin;
      if (e.origin !== this.#origin) return;
      for (const message of this.#waiting.splice(0)) this.#post(message);
      return;
    }
    if (e.origin !== this.#origin || !e.data.id) return;
    void this.#run(e.data as Command);
  };

  async #run(command: Command): Promise<void> {
    const head = { type: "answer", id: command.id };
    try {
      this.#post({ ...head, ok: true, data: await this.#execute(command) });
    } catch (err) {
      this.#post({ ...head, ok: false, error: explain(err) });
    }
  }

  async #execute(command: Command): Promise<CommandResults[CommandType]> {
    const room = this.#room;
    if (!room?.inside || room.ended) {
      throw { error: "not in the meeting", message: "Wait until the meeting has been joined, then try again." };
    }
    switch (command.type) {
      case "startBroadcast": {
        const { record, layout, destination } = command;
        const b = await room.startBroadcast({
          record: record === true,
          ...(layout === "grid" || layout === "speaker" ? { layout } : {}),
          ...(typeof destination === "string" && destination !== "" ? { destination } : {}),
        });
        return { ...links(b), nanoStream: b.nanoStream ?? "" };
      }
      case "stopBroadcast":
        return links(await room.stopBroadcast());
      case "hangup":
        room.leave();
        return {};
    }
    throw { error: "unknown command", message: `This meeting does not know the command ${String((command as { type: string }).type).slice(0, 64)}.` };
  }

  #onEnded({ reason, message }: Ended): void {
    if (reason === "kicked") this.#event("kicked", { by: message });
    this.#event("left", { reason: reason === "bug" || reason === "full" ? "failed" : reason });
  }

  #event<T extends EmbedEventType>(type: T, data: EmbedEvents[T]): void {
    this.#post({ type, data });
  }

  #post(message: object): void {
    const envelope = { meetcast: EMBED_VERSION, ...message };
    if (this.#origin !== undefined) this.windows.parent.postMessage(envelope, this.#origin);
    else if (this.#waiting.length < KEPT) this.#waiting.push(message);
  }
}

const person = (p: Participant): EmbedParticipant => ({ id: p.id, name: p.name, moderator: p.moderator === true });

function links(b: Broadcast) {
  const both = { live: b.live ?? "", ...(b.vod ? { vod: b.vod } : {}) };
  return { playout: both, playback: both };
}

function broadcastStatus(b: Broadcast): EmbedEvents["broadcastStatus"] {
  return {
    status: b.status,
    record: b.record === true,
    ...(b.reason ? { reason: b.reason } : {}),
    ...(b.live ? { live: b.live } : {}),
    ...(b.vod ? { vod: b.vod } : {}),
  };
}

const titles: Record<string, string> = {
  forbidden: "not allowed",
  conflict: "already running",
  destination: "destination failed",
  unavailable: "not available",
  timeout: "no answer",
  disconnected: "no connection",
};

function explain(err: unknown): EmbedError {
  if (err instanceof RequestError) return { error: titles[err.code] ?? err.code, message: err.message };
  const e = err as Partial<EmbedError> | undefined;
  return { error: e?.error ?? "failed", message: e?.message ?? "The meeting could not do that." };
}
