import type { Failure, NanoMeet, NanoMeetEvents, TokenPayload } from "../../lib/nanomeet";
import { NanoMeetError } from "../../lib/nanomeet/failure";
import { checkUsable } from "../../lib/nanomeet/token";

/** One line of the events log. */
export interface LogEntry {
  at: number;
  name: string;
  detail: string;
}

/** The newest events are kept. */
const logLength = 200;

/** The broadcast as this page knows it. */
export interface BroadcastView {
  status: string;
  reason: string;
  live: string;
  vod: string;
}

/** What the page asks of the client script; tests pass a fake. */
export type SampleService = Pick<NanoMeet, "init" | "createInviteToken" | "startBroadcast" | "stopBroadcast" | "on">;

const eventNames: (keyof NanoMeetEvents)[] = ["joined", "left", "participantJoined", "participantLeft", "kicked", "broadcastStatus", "error"];

/** Statuses in which a broadcast runs. */
const running = new Set(["starting", "live", "reconnecting", "stopping"]);

/** SampleModel is the sample page without its looks. It dispatches "change". */
export class SampleModel extends EventTarget {
  readonly token: string;
  /** Of a usable token. */
  readonly payload: TokenPayload | undefined;
  /** Why there is no meeting. */
  problem: Failure | undefined;
  broadcast: BroadcastView = { status: "idle", reason: "", live: "", vod: "" };
  /** Starting or stopping was asked for and not answered. */
  busy = false;
  broadcastProblem: Failure | undefined;
  invite: { link: string; moderator: boolean } | undefined;
  inviting = false;
  inviteProblem: Failure | undefined;
  joined = false;
  log: LogEntry[] = [];

  readonly #service: SampleService;
  readonly #branding: string;

  constructor(service: SampleService, token: string, branding: string, now: number) {
    super();
    this.#service = service;
    this.#branding = branding;
    this.token = token;
    if (!token) return;
    try {
      this.payload = checkUsable(token, now);
    } catch (failure) {
      this.problem = failureOf(failure);
    }
  }

  get moderator(): boolean {
    return this.payload?.moderator === true;
  }

  get onAir(): boolean {
    return running.has(this.broadcast.status);
  }

  /** embed puts the meeting into the element with that id. */
  async embed(id: string): Promise<void> {
    if (!this.payload) return;
    for (const name of eventNames) this.#service.on(name, (data) => this.#heard(name, data));
    try {
      await this.#service.init({ token: this.token, id, ...(this.#branding && { branding: this.#branding }) });
      this.#note("init", "the meeting page has loaded");
    } catch (failure) {
      this.problem = failureOf(failure);
      this.#changed();
    }
  }

  async createInvite(moderator: boolean): Promise<void> {
    this.inviting = true;
    this.inviteProblem = undefined;
    this.#changed();
    try {
      const { data } = await this.#service.createInviteToken(this.token, { moderator });
      this.invite = { link: data.inviteLink, moderator: data.moderator };
    } catch (failure) {
      this.inviteProblem = failureOf(failure);
    }
    this.inviting = false;
    this.#changed();
  }

  async startBroadcast(record: boolean): Promise<void> {
    await this.#ask("startBroadcast", async () => {
      const { data } = await this.#service.startBroadcast(record);
      this.broadcast = { status: "live", reason: "", live: data.playout.live, vod: data.playout.vod ?? "" };
    });
  }

  async stopBroadcast(): Promise<void> {
    await this.#ask("stopBroadcast", async () => {
      const { data } = await this.#service.stopBroadcast();
      this.broadcast = { ...this.broadcast, status: "stopped", reason: "", vod: data.playout.vod ?? this.broadcast.vod };
    });
  }

  async #ask(name: string, work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.broadcastProblem = undefined;
    this.#changed();
    try {
      await work();
      this.#note(name, "done");
    } catch (failure) {
      this.broadcastProblem = failureOf(failure);
      this.#note(name, this.broadcastProblem.message);
    }
    this.busy = false;
    this.#changed();
  }

  #heard<Name extends keyof NanoMeetEvents>(name: Name, data: NanoMeetEvents[Name]): void {
    if (name === "joined") this.joined = true;
    if (name === "left" || name === "kicked") this.joined = false;
    if (name === "broadcastStatus") this.#broadcastChanged(data as NanoMeetEvents["broadcastStatus"]);
    this.#note(name, describe(data));
  }

  #broadcastChanged({ status, reason, live, vod }: NanoMeetEvents["broadcastStatus"]): void {
    this.broadcast = { status, reason: reason ?? "", live: live ?? this.broadcast.live, vod: vod ?? this.broadcast.vod };
    if (status === "live") this.broadcastProblem = undefined;
  }

  #note(name: string, detail: string): void {
    this.log = [{ at: Date.now(), name, detail }, ...this.log].slice(0, logLength);
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function failureOf(failure: unknown): Failure {
  if (failure instanceof NanoMeetError) return failure;
  const { error, message } = failure as Partial<Failure>;
  return { error: error ?? "Error", message: message ?? String(failure) };
}

// describe writes an event's data on one line.
function describe(data: object): string {
  const { name, room, status, reason, message } = data as Record<string, unknown>;
  const parts = [name, room, status, reason, message].filter((part) => typeof part === "string" && part !== "");
  return parts.length ? parts.join(" · ") : "";
}
