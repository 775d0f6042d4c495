import type { BroadcastLinks, CommandResults, EmbedEvent, EmbedEvents } from "../../protocol/embed";
import { absoluteLinks } from "./absolute";
import { baseOfServer } from "./base";
import { checkInit, type InitConfig } from "./config";
import { Emitter } from "./emitter";
import { fail, NanoMeetError } from "./failure";
import { Frame } from "./frame";
import { queryVariable } from "./query";
import * as service from "./service";
import type { InviteData, Organisation, RoomData, StreamsData } from "./service";
import type { RoomSetUp, TokenSetup } from "./setup";
import { decodeToken, type TokenPayload } from "./token";

/** Version of the Web API that this class implements. */
export const apiVersion = "1.0.0";

/** Options of the constructor. */
export interface NanoMeetOptions {
  /**
   * Address of the server, "https://meet.example.com" or a bare host. Without,
   * it is the server that the script was loaded from.
   */
  server?: string;
}

/** What on and off know, and what each event brings. */
export type NanoMeetEvents = EmbedEvents;

/** How every method succeeds. */
export interface Success<T> {
  data: T;
}

/**
 * NanoMeet makes rooms and invites, embeds a meeting and broadcasts it.
 * Methods resolve with { data } or reject with { error, message }, but for the
 * two that only read: parseToken and getQueryVariable answer at once.
 */
export class NanoMeet {
  /** Version of the Web API. */
  readonly version: string = apiVersion;

  readonly #base: string;
  readonly #events = new Emitter<NanoMeetEvents>();
  #frame: Frame | undefined;

  constructor(options: NanoMeetOptions = {}) {
    this.#base = options.server === undefined ? NanoMeet.defaultServer : baseOfServer(options.server);
  }

  /** The server that the script came from; every new NanoMeet() starts with it. */
  static defaultServer = "";

  /** validateAPIKey resolves with the organisation that the key belongs to. */
  validateAPIKey(apiKey: string): Promise<Success<Organisation>> {
    return success(() => service.organisation(this.#base, apiKey));
  }

  /** createNanoMeetRoom makes a room token. */
  createNanoMeetRoom(apiKey: string, roomSetUp: RoomSetUp): Promise<Success<RoomData>> {
    return success(() => service.createRoom(this.#base, apiKey, roomSetUp));
  }

  /** createInviteToken makes a token for the room of a moderator's token. */
  createInviteToken(token: string, tokenSetup: TokenSetup): Promise<Success<InviteData>> {
    return success(() => service.createInvite(this.#base, token, tokenSetup));
  }

  /** createNanoStreams makes an ingest stream with two transcodes. */
  createNanoStreams(apiKey: string, profiles?: string[]): Promise<Success<StreamsData>> {
    return success(() => service.createStreams(this.#base, apiKey, profiles));
  }

  /** init embeds the meeting and resolves when its page has loaded. */
  init(config: InitConfig): Promise<Success<{ moderator: boolean }>> {
    return success(async () => {
      const { payload, parent, width, height, url } = checkInit(config, this.#base, Date.now());
      this.#frame?.close();
      const frame = new Frame({ url, parent, width, height, onEvent: (event) => this.#emit(event) });
      this.#frame = frame;
      await frame.ready;
      return { moderator: payload.moderator === true };
    });
  }

  /** startBroadcast resolves when the ingest has taken the stream; true also records it. */
  startBroadcast(isVOD: boolean): Promise<Success<BroadcastLinks>> {
    return success(async () => {
      if (typeof isVOD !== "boolean") fail("Invalid isVOD", "Pass true to record the broadcast, false to only show it live.");
      const frame = await this.#embedded("startBroadcast");
      return absoluteLinks(await frame.command("startBroadcast", { record: isVOD }), this.#base);
    });
  }

  /** stopBroadcast resolves when the broadcast has ended and its recording is safe. */
  stopBroadcast(): Promise<Success<CommandResults["stopBroadcast"]>> {
    return success(async () => {
      const frame = await this.#embedded("stopBroadcast");
      return absoluteLinks(await frame.command("stopBroadcast"), this.#base);
    });
  }

  /** destroy leaves the meeting and removes its window. */
  destroy(): Promise<Success<{ destroyed: true }>> {
    return success(() => {
      this.#frame?.close();
      this.#frame = undefined;
      return { destroyed: true };
    });
  }

  /** parseToken returns the payload of a token, unverified; it throws { error, message } for what is no token. */
  parseToken(token: string): TokenPayload {
    return decodeToken(token);
  }

  /** getQueryVariable reads a parameter of the page's address: false when absent, an array when repeated. */
  getQueryVariable(name: string): string | string[] | false {
    return queryVariable(location.search, name);
  }

  /** on calls the listener for each event of that name. */
  on<Name extends keyof NanoMeetEvents>(name: Name, listener: (data: NanoMeetEvents[Name]) => void): this {
    this.#events.on(name, listener);
    return this;
  }

  /** off ends what on began. */
  off<Name extends keyof NanoMeetEvents>(name: Name, listener: (data: NanoMeetEvents[Name]) => void): this {
    this.#events.off(name, listener);
    return this;
  }

  async #embedded(method: string): Promise<Frame> {
    const frame = this.#frame ?? fail("No meeting", `Call init before ${method}.`);
    await frame.ready;
    return frame;
  }

  #emit<Name extends keyof NanoMeetEvents>(event: EmbedEvent & { type: Name }): void {
    this.#events.emit(event.type, absoluteLinks(event.data as NanoMeetEvents[Name], this.#base));
  }
}

/** success gives every method one way to end. */
async function success<T>(work: () => T | Promise<T>): Promise<Success<T>> {
  try {
    return { data: await work() };
  } catch (error) {
    if (error instanceof NanoMeetError) throw error;
    throw new NanoMeetError("Unexpected error", error instanceof Error ? error.message : String(error));
  }
}
