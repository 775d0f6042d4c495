/** Entry of the player page: /nanoplayer/release/nanoplayer.html */
import "../css/base.css";
import "../css/controls.css";
import "./player/player.css";
import { readPlayerParams } from "./player/params";
import { PlayerPage } from "./player/page";

/** What tests and embedding scripts read. */
interface MeetcastPlayer {
  readonly state: string;
  /** Behind the room, ms. */
  readonly latencyMs: number | undefined;
  readonly source: "whep" | "ws" | "hls" | undefined;
  readonly droppedFrames: number;
  /** Ahead of the position, ms. */
  readonly bufferMs: number;
}

declare global {
  interface Window {
    meetcastPlayer: MeetcastPlayer;
  }
}

const page = new PlayerPage();
page.params = readPlayerParams(location.search);
if (page.params.name) document.title = `${page.params.name} · Live`;
document.body.append(page);

window.meetcastPlayer = {
  get state() {
    return page.player?.state ?? "waiting";
  },
  get latencyMs() {
    return page.player?.stats().latencyMs;
  },
  get source() {
    return page.player?.stats().source;
  },
  get droppedFrames() {
    return page.player?.stats().droppedFrames ?? 0;
  },
  get bufferMs() {
    return page.player?.stats().bufferMs ?? 0;
  },
};
