import { html, nothing } from "lit";
import { Disc, TriangleAlert, WifiOff, Volume2 } from "lucide";
import { onAir, running } from "./broadcast-words";
import { RoomElement } from "./element";
import { icon } from "./icon";
import "./elapsed";

/** LIVE and REC, visible to everyone in the room as long as they are true. */
export class Marks extends RoomElement {
  protected override render() {
    const { broadcast: b } = this.room;
    return html`${onAir(b)
      ? html`<span class="badge live" data-testid="mark-live" title="This meeting is being broadcast"
          >LIVE ${b.since ? html`<mc-elapsed .since=${b.since}></mc-elapsed>` : nothing}</span
        >`
      : b.status === "starting"
        ? html`<span class="badge" data-testid="mark-starting">Going live…</span>`
        : nothing}
    ${running(b) && b.record && b.status !== "starting"
      ? html`<span class="badge danger rec" data-testid="mark-rec" title="This meeting is being recorded">${icon(Disc)} REC</span>`
      : nothing}`;
  }
}

customElements.define("mc-marks", Marks);

/** What is wrong right now, above everything: lost connection, blocked sound, ingest trouble. */
export class Banner extends RoomElement {
  protected override render() {
    const { room } = this;
    if (room.troubled === "signaling") {
      return html`<div class="banner warning" role="alert" data-testid="reconnecting">
        <span class="spinner"></span><span>The connection was lost. Reconnecting…</span>
      </div>`;
    }
    if (room.troubled === "media") {
      return html`<div class="banner warning" role="alert" data-testid="media-trouble">
        ${icon(WifiOff)}<span>Sound and picture are interrupted. Looking for another way…</span>
      </div>`;
    }
    if (room.media.audioBlocked) {
      return html`<button class="banner action" data-testid="unblock-audio" @click=${() => void room.media.unblockAudio()}>
        ${icon(Volume2)}<span>Tap to hear the others</span>
      </button>`;
    }
    if (room.moderator && room.broadcast.status === "reconnecting") {
      return html`<div class="banner warning" role="status">
        ${icon(TriangleAlert)}<span>The broadcast is interrupted: ${room.broadcast.reason ?? "reconnecting…"}</span>
      </div>`;
    }
    return nothing;
  }
}

customElements.define("mc-banner", Banner);
