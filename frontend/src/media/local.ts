import { Emitter } from "../protocol/emitter";
import type { Source } from "../protocol/messages";
import { DeviceError, openCamera, openMicrophone, openScreen } from "./devices";

/** What a local source is doing. */
export type LocalState = "off" | "starting" | "on" | "muted";

export interface LocalEvents {
  /** The track to publish as a source, or null to stop sending; comes with the state. */
  track: { source: Source; track: MediaStreamTrack | null };
  change: void;
  error: DeviceError;
}

export interface DeviceChoice {
  camera?: string;
  microphone?: string;
  speaker?: string;
}

/**
 * What this machine captures. Muting a microphone keeps it open, so that it is
 * back at once; a camera that is off is really off, with its light. A device
 * that vanishes is replaced by another one where there is one.
 */
export class LocalMedia extends Emitter<LocalEvents> {
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  readonly #state: Record<Source, LocalState> = {
    microphone: "off",
    camera: "off",
    screen: "off",
    "screen-audio": "off",
  };
  /** The newest problem of each device; gone when the device works. */
  readonly problems: Partial<Record<"camera" | "microphone", DeviceError>> = {};
  choice: DeviceChoice;
  /** Switched off while the device was still starting. */
  readonly #unwanted = new Set<Source>();
  #closed = false;

  constructor(choice: DeviceChoice = {}) {
    super();
    this.choice = choice;
  }

  state(source: Source): LocalState {
    return this.#state[source];
  }

  track(source: Source): MediaStreamTrack | undefined {
    return this.#tracks.get(source);
  }

  /** Switches the microphone on or mutes it. */
  async setMicrophone(on: boolean): Promise<boolean> {
    const track = this.#tracks.get("microphone");
    if (track) {
      track.enabled = on;
      this.#set("microphone", on ? "on" : "muted");
      return true;
    }
    return on ? this.#start("microphone") : true;
  }

  async setCamera(on: boolean): Promise<boolean> {
    if (this.#state.camera === "starting") {
      if (on) this.#unwanted.delete("camera");
      else this.#unwanted.add("camera");
      return true;
    }
    if (on === (this.#state.camera !== "off")) return true;
    if (on) return this.#start("camera");
    this.#drop("camera");
    return true;
  }

  /** Asks for a screen and shares it; false when nothing was chosen. */
  async shareScreen(): Promise<boolean> {
    if (this.#state.screen !== "off") return true;
    this.#set("screen", "starting");
    try {
      const screen = await openScreen();
      if (!screen || this.#closed) {
        this.#stopAll(screen);
        this.#set("screen", "off");
        return false;
      }
      this.#take("screen", screen.video);
      if (screen.audio) this.#take("screen-audio", screen.audio);
      return true;
    } catch (err) {
      this.#set("screen", "off");
      this.emit("error", err as DeviceError);
      return false;
    }
  }

  stopScreen(): void {
    this.#drop("screen-audio");
    this.#drop("screen");
  }

  /** Changes a device while the meeting goes on. */
  async choose(device: "camera" | "microphone", deviceId: string): Promise<void> {
    this.choice = { ...this.choice, [device]: deviceId };
    const old = this.#tracks.get(device);
    if (!old) return;
    const muted = this.#state[device] === "muted";
    // Some systems open a camera only once: let go of the old one first.
    old.onended = null;
    old.stop();
    this.#tracks.delete(device);
    await this.#start(device, muted);
  }

  close(): void {
    this.#closed = true;
    for (const source of [...this.#tracks.keys()]) this.#drop(source);
  }

  async #start(device: "camera" | "microphone", muted = false): Promise<boolean> {
    if (this.#state[device] === "starting") return false;
    this.#set(device, "starting");
    try {
      const track = await (device === "camera" ? openCamera(this.choice.camera) : openMicrophone(this.choice.microphone));
      if (this.#closed || this.#unwanted.delete(device)) {
        track.stop();
        this.#set(device, "off");
        return false;
      }
      delete this.problems[device];
      track.enabled = !muted;
      this.#take(device, track, muted ? "muted" : "on");
      return true;
    } catch (err) {
      this.problems[device] = err as DeviceError;
      this.#set(device, "off");
      this.emit("track", { source: device, track: null });
      this.emit("error", err as DeviceError);
      return false;
    }
  }

  #take(source: Source, track: MediaStreamTrack, state: LocalState = "on"): void {
    this.#tracks.set(source, track);
    track.onended = () => this.#ended(source, track);
    this.emit("track", { source, track });
    this.#set(source, state);
  }

  /** The device was unplugged, or the person ended sharing in the browser's own bar. */
  #ended(source: Source, track: MediaStreamTrack): void {
    if (this.#tracks.get(source) !== track) return;
    if (source === "screen") return this.stopScreen();
    const muted = this.#state[source] === "muted";
    this.#drop(source);
    if (source === "camera" || source === "microphone") void this.#start(source, muted);
  }

  #drop(source: Source): void {
    const track = this.#tracks.get(source);
    if (!track) return;
    track.onended = null;
    track.stop();
    this.#tracks.delete(source);
    this.emit("track", { source, track: null });
    this.#set(source, "off");
  }

  #stopAll(screen: { video: MediaStreamTrack; audio?: MediaStreamTrack } | undefined): void {
    screen?.video.stop();
    screen?.audio?.stop();
  }

  #set(source: Source, state: LocalState): void {
    this.#state[source] = state;
    this.emit("change", undefined);
  }
}
