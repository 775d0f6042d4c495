import { html, nothing, type TemplateResult } from "lit";
import { Play, Radio, SearchX, TriangleAlert, VolumeX } from "lucide";
import type { Player } from "../../player/player";
import { icon } from "../../ui/icon";

/** screen lies over the picture and says why there is none. */
export function screen(player: Player, hasPlayed: boolean, play: () => void): TemplateResult | typeof nothing {
  switch (player.state) {
    case "waiting":
      return waiting(player.known, hasPlayed);
    case "connecting":
      return spinner("Connecting");
    case "buffering":
      return spinner(hasPlayed ? "Buffering" : "Starting");
    case "reconnecting":
      return html`<div class="screen ${hasPlayed ? "" : "opaque"}" role="status">
        <div class="spinner"></div>
        <p class="pill">Connection lost. Trying again…</p>
      </div>`;
    case "paused":
      return html`<div class="screen">
        <button class="big-play" @click=${play} aria-label="Play live">${icon(Play)}</button>
      </div>`;
    case "failed":
      return html`<div class="screen opaque" role="alert">
        <span class="screen-icon">${icon(TriangleAlert)}</span>
        <h1>This browser cannot play the stream</h1>
        <p>${player.reason} Please try a current version of Chrome, Edge, Firefox or Safari.</p>
      </div>`;
    case "playing":
      return nothing;
  }
}

function waiting(known: boolean, hasPlayed: boolean): TemplateResult {
  if (!known) {
    return html`<div class="screen opaque" role="status">
      <span class="screen-icon">${icon(SearchX)}</span>
      <h1>No such stream</h1>
      <p>The server does not know this stream yet. Check the link. If it is new, this page starts by itself.</p>
    </div>`;
  }
  return html`<div class="screen opaque" role="status">
    <span class="screen-icon waiting">${icon(Radio)}</span>
    <h1>${hasPlayed ? "The broadcast has ended" : "Not live yet"}</h1>
    <p>
      ${hasPlayed
        ? "Thank you for watching. If it goes on, this page does too."
        : "Keep this page open: it starts by itself as soon as the broadcast begins."}
    </p>
  </div>`;
}

function spinner(label: string): TemplateResult {
  return html`<div class="screen" role="status">
    <div class="spinner"></div>
    <span class="visually-hidden">${label}</span>
  </div>`;
}

/** soundButton asks for the click that a browser wants before there is sound. */
export function soundButton(unmute: () => void): TemplateResult {
  return html`<button class="sound-button" @click=${unmute}>${icon(VolumeX)} Tap for sound</button>`;
}

/** nameForm asks for a stream when the address names none. */
export function nameForm(): TemplateResult {
  return html`<div class="screen opaque">
    <span class="screen-icon">${icon(Radio)}</span>
    <h1>Which stream?</h1>
    <p>Enter the name of the stream that you want to watch.</p>
    <form class="name-form" method="get">
      <input class="input" name="bintu.streamname" placeholder="XXXXX-YYYYY" aria-label="Stream name" required autocomplete="off" spellcheck="false" />
      <button class="button primary">Watch</button>
    </form>
  </div>`;
}
