/**
 * nanomeet.js: the client script of the nanoMeet Web API. A classic <script>
 * that defines window.NanoMeet; the server is the one it was loaded from.
 */
import { baseOfScript } from "./nanomeet/base";
import { NanoMeet } from "./nanomeet/nanomeet";

export { NanoMeet } from "./nanomeet/nanomeet";
export type { NanoMeetEvents, NanoMeetOptions, Success } from "./nanomeet/nanomeet";
export type { Failure, NanoMeetError } from "./nanomeet/failure";
export type { InitConfig, TileView } from "./nanomeet/config";
export type { InviteData, Organisation, RoomData, StreamInfo, StreamsData } from "./nanomeet/service";
export type { RoomSetUp, TokenSetup } from "./nanomeet/setup";
export type { TokenPayload } from "./nanomeet/token";

declare global {
  interface Window {
    NanoMeet: typeof NanoMeet;
  }
}

// currentScript is only there while the script itself runs.
const script = document.currentScript;
NanoMeet.defaultServer = script instanceof HTMLScriptElement && script.src ? baseOfScript(script.src) : location.origin;
window.NanoMeet = NanoMeet;
