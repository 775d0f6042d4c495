import { html, nothing, type TemplateResult } from "lit";
import { Info, Maximize, Minimize, Pause, PictureInPicture2, Play, Volume1, Volume2, VolumeX } from "lucide";
import { icon } from "../../ui/icon";

/** What the bar shows and can do. */
export interface BarModel {
  paused: boolean;
  muted: boolean;
  /** 0 … 1 */
  volume: number;
  fullscreen: boolean;
  canFullscreen: boolean;
  canPictureInPicture: boolean;
  statsShown: boolean;
  toggle(): void;
  toggleMute(): void;
  setVolume(volume: number): void;
  toggleFullscreen(): void;
  pictureInPicture(): void;
  toggleStats(): void;
}

/** bar is the row of controls below the picture. */
export function bar(model: BarModel): TemplateResult {
  const silent = model.muted || model.volume === 0;
  const loud = silent ? VolumeX : model.volume < 0.5 ? Volume1 : Volume2;
  return html`<div class="bar">
    ${button(model.paused ? Play : Pause, model.paused ? "Play (k)" : "Pause (k)", model.toggle)}
    ${button(loud, silent ? "Sound on (m)" : "Mute (m)", model.toggleMute)}
    <input
      class="volume"
      type="range"
      min="0"
      max="1"
      step="0.05"
      aria-label="Volume"
      .value=${String(model.muted ? 0 : model.volume)}
      @input=${(event: Event) => model.setVolume(Number((event.target as HTMLInputElement).value))}
    />
    <span class="gap"></span>
    ${button(Info, "Figures (i)", model.toggleStats, model.statsShown)}
    ${model.canPictureInPicture ? button(PictureInPicture2, "Picture in picture (p)", model.pictureInPicture) : nothing}
    ${model.canFullscreen
      ? button(model.fullscreen ? Minimize : Maximize, model.fullscreen ? "Leave full screen (f)" : "Full screen (f)", model.toggleFullscreen)
      : nothing}
  </div>`;
}

function button(node: typeof Play, label: string, act: () => void, pressed?: boolean): TemplateResult {
  return html`<button
    class="icon-button"
    title=${label}
    aria-label=${label.replace(/ \(.\)$/, "")}
    aria-pressed=${pressed === undefined ? nothing : pressed ? "true" : "false"}
    @click=${act}
  >
    ${icon(node)}
  </button>`;
}
