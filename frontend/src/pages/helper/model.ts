import type { Failure, NanoMeet, Organisation, RoomData } from "../../lib/nanomeet";
import { fromLocalInput, toLocalInput } from "../shared/dates";

/** How the API key stands. */
export type KeyState =
  | { state: "empty" }
  | { state: "checking" }
  | { state: "good"; organisation: Organisation }
  | { state: "bad"; message: string };

/** Where a broadcast of the room goes. */
export type StreamChoice = "auto" | "new" | "name";

/** What the form holds; dates as their fields do, in local time. */
export interface HelperForm {
  apiKey: string;
  room: string;
  moderator: boolean;
  from: string;
  until: string;
  stream: StreamChoice;
  streamname: string;
  server: string;
}

/** What is wrong, per field; empty when the form can be sent. */
export type Problems = Partial<Record<"apiKey" | "room" | "from" | "until" | "streamname" | "server", string>>;

/** What came out. */
export interface HelperResult {
  room: RoomData;
  /** Of a moderator's room; a missing one could not be made. */
  invites: { moderator?: string; participant?: string };
}

const day = 24 * 3600_000; // ms
const year = 366 * day;
/** A key is asked for when typing rests this long, ms. */
const typingPause = 350;

/** What NanoMeet gives the model; tests pass a fake. */
export type HelperService = Pick<NanoMeet, "validateAPIKey" | "createNanoMeetRoom" | "createInviteToken" | "createNanoStreams">;

/** HelperModel is the token creator without its looks. It dispatches "change". */
export class HelperModel extends EventTarget {
  readonly form: HelperForm;
  key: KeyState = { state: "empty" };
  busy = false;
  failure: Failure | undefined;
  result: HelperResult | undefined;
  /** Problems are shown once somebody tried to send. */
  tried = false;

  readonly #service: HelperService;
  #keyTimer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(service: HelperService, start: Partial<HelperForm>, now: number) {
    super();
    this.#service = service;
    const from = Math.floor(now / 60_000) * 60_000;
    this.form = {
      apiKey: "", room: "", moderator: true, from: toLocalInput(from), until: toLocalInput(from + day),
      stream: "auto", streamname: "", server: "", ...start,
    };
    if (this.form.apiKey) void this.#checkKey();
  }

  /** set changes a field. */
  set<Field extends keyof HelperForm>(field: Field, value: HelperForm[Field]): void {
    this.form[field] = value;
    this.failure = undefined;
    if (field === "apiKey") this.#keyChanged();
    this.#changed();
  }

  /** setPeriod makes the token valid from now for some ms. */
  setPeriod(length: number, now: number): void {
    const from = Math.floor(now / 60_000) * 60_000;
    this.form.from = toLocalInput(from);
    this.form.until = toLocalInput(from + length);
    this.#changed();
  }

  /** problems of the form as it stands; now is Unix ms. */
  problems(now: number): Problems {
    const { apiKey, room, stream, streamname, server } = this.form;
    const out: Problems = {};
    if (!apiKey.trim()) out.apiKey = "Enter the API key of your organisation.";
    else if (this.key.state === "bad") out.apiKey = this.key.message;
    else if (this.key.state === "good" && !this.key.organisation.nanomeet) out.apiKey = "This organisation may not make rooms. Ask for the feature to be switched on.";
    if (!room) out.room = "Give the room a name.";
    else if (!/^[A-Za-z0-9_]+$/.test(room)) out.room = "Letters a-z, digits and _ only.";
    else if (room.length > 128) out.room = "Use at most 128 characters.";
    if (stream === "name" && !streamname.trim()) out.streamname = "Enter the name of the stream.";
    if (!server.trim()) out.server = "Enter the host name of the server.";
    return { ...out, ...this.#dateProblems(now) };
  }

  /** submit makes the stream, the token and the invites. */
  async submit(now: number): Promise<boolean> {
    this.tried = true;
    if (this.busy || Object.keys(this.problems(now)).length) {
      this.#changed();
      return false;
    }
    this.busy = true;
    this.failure = undefined;
    this.#changed();
    try {
      this.result = await this.#make();
      this.tried = false;
    } catch (failure) {
      this.failure = failure as Failure;
    }
    this.busy = false;
    this.#changed();
    return this.failure === undefined;
  }

  async #make(): Promise<HelperResult> {
    const { apiKey, room, moderator, from, until, stream, server } = this.form;
    if (stream === "new") {
      const { data } = await this.#service.createNanoStreams(apiKey.trim());
      // The stream is there now: a second attempt uses it.
      this.form.stream = "name";
      this.form.streamname = data.streamInfo.ingest.rtmp.streamname;
    }
    const { data } = await this.#service.createNanoMeetRoom(apiKey.trim(), {
      room, moderator, server: server.trim(),
      nbf: new Date(fromLocalInput(from)), exp: new Date(fromLocalInput(until)),
      ...(this.form.stream === "name" && { streamname: this.form.streamname.trim() }),
    });
    return { room: data, invites: data.moderator ? await this.#invite(data.token) : {} };
  }

  // invite makes both links; that a token is not valid yet is no reason to lose the room.
  async #invite(token: string): Promise<HelperResult["invites"]> {
    const [moderator, participant] = await Promise.allSettled(
      [true, false].map((moderator) => this.#service.createInviteToken(token, { moderator })),
    );
    return {
      ...(moderator?.status === "fulfilled" && { moderator: moderator.value.data.inviteLink }),
      ...(participant?.status === "fulfilled" && { participant: participant.value.data.inviteLink }),
    };
  }

  #dateProblems(now: number): Problems {
    const from = fromLocalInput(this.form.from);
    const until = fromLocalInput(this.form.until);
    if (Number.isNaN(from)) return { from: "Choose a date and a time." };
    if (Number.isNaN(until)) return { until: "Choose a date and a time." };
    if (until <= from) return { until: "The end must lie after the begin." };
    if (until <= now) return { until: "The end has already passed." };
    if (until - now > year) return { until: "Choose an end within one year from now." };
    return {};
  }

  #keyChanged(): void {
    clearTimeout(this.#keyTimer);
    this.#asked++; // an answer that is still under way is out of date
    this.key = this.form.apiKey.trim() ? { state: "checking" } : { state: "empty" };
    if (this.key.state === "checking") this.#keyTimer = setTimeout(() => void this.#checkKey(), typingPause);
  }

  async #checkKey(): Promise<void> {
    const asked = ++this.#asked;
    this.key = { state: "checking" };
    let key: KeyState;
    try {
      key = { state: "good", organisation: (await this.#service.validateAPIKey(this.form.apiKey.trim())).data };
    } catch (failure) {
      key = { state: "bad", message: (failure as Failure).message };
    }
    if (asked !== this.#asked) return;
    this.key = key;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

const adjectives = ["bright", "calm", "clear", "early", "fresh", "golden", "gentle", "lively", "open", "quick", "quiet", "sunny"];
const nouns = ["bridge", "cove", "forum", "garden", "harbor", "meadow", "orchard", "pier", "plaza", "studio", "terrace", "valley"];

/** randomRoom makes up a name; random gives 0 … 1. */
export function randomRoom(random: () => number = Math.random): string {
  const pick = (list: string[]) => list[Math.floor(random() * list.length)] ?? "";
  return `${pick(adjectives)}_${pick(nouns)}_${Math.floor(random() * 900) + 100}`;
}
