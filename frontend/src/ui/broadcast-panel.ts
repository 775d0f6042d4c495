import { html, nothing } from "lit";
import { Radio, TriangleAlert } from "lucide";
import type { Broadcast, Destination, Layout } from "../protocol/messages";
import { onAir, running, statusWord } from "./broadcast-words";
import { RoomElement } from "./element";
import { icon } from "./icon";
import "./copy-field";
import "./elapsed";

/** Going live, for moderators: what to send where, how it is doing, and the links. */
export class BroadcastPanel extends RoomElement {
  static override properties = {
    ...RoomElement.properties,
    error: { state: true },
    busy: { state: true },
  };
  declare error: string;
  declare busy: boolean;

  protected override render() {
    const { broadcast } = this.room;
    return html`<div class="stack broadcast" data-testid="broadcast-panel" data-status=${broadcast.status}>
      ${this.#status(broadcast)}
      ${this.error && !(broadcast.status === "failed" && broadcast.reason === this.error) ? html`<div class="notice error" role="alert" data-testid="broadcast-error">${icon(TriangleAlert)}<span>${this.error}</span></div>` : nothing}
      ${running(broadcast) ? this.#running(broadcast) : this.#form(broadcast)}
      ${this.#links(broadcast)}
    </div>`;
  }

  #status(b: Broadcast) {
    const lost = this.room.troubled === "signaling";
    const kind = onAir(b) && b.status === "live" ? "live" : b.status;
    return html`<div class="air ${kind}" role="status">
        <span class="air-icon">${icon(Radio)}</span>
        <div class="air-text">
          <strong data-testid="broadcast-status">${statusWord[b.status]}</strong>
          <span class="muted">${lost ? "As it was when the connection was lost" : this.#line(b)}</span>
        </div>
        ${onAir(b) && b.since && !lost ? html`<mc-elapsed .since=${b.since}></mc-elapsed>` : nothing}
      </div>
      ${b.reason && (b.status === "reconnecting" || b.status === "failed")
        ? html`<div class="notice ${b.status === "failed" ? "error" : "warning"}" data-testid="broadcast-reason">
            ${icon(TriangleAlert)}<span>${b.reason}</span>
          </div>`
        : nothing}`;
  }

  #line(b: Broadcast): string {
    switch (b.status) {
      case "starting":
        return "Waiting for the ingest to accept the stream";
      case "live":
        return b.record ? "On air and recording" : "On air, not recorded";
      case "reconnecting":
        return "The broadcast goes on and comes back by itself";
      case "stopping":
        return b.record ? "Saving the recording" : "Closing the stream";
      case "failed":
        return "The meeting is not on air";
    }
    return "Show this meeting to any number of viewers";
  }

  #form(b: Broadcast) {
    return html`<form class="stack" @submit=${this.#start}>
      <label class="switch"
        ><input type="checkbox" role="switch" name="record" data-testid="broadcast-record" ?checked=${b.record} /><span
          >Record the broadcast</span
        ></label
      >
      ${this.#layouts(b.layout ?? "grid")}
      <details class="plain-details">
        <summary>Send it somewhere else as well</summary>
        <div class="field">
          <label for="destination">RTMP address <span class="optional">optional</span></label>
          <input
            class="input mono"
            id="destination"
            name="destination"
            data-testid="broadcast-destination"
            placeholder="rtmp://host/app/key"
            autocomplete="off"
            spellcheck="false"
            inputmode="url"
          />
        </div>
      </details>
      <button class="button primary wide" data-testid="broadcast-start" aria-busy=${this.busy ? "true" : "false"}>
        Start broadcast
      </button>
      <p class="hint">Everyone in the meeting is told that it is live or being recorded.</p>
    </form>`;
  }

  #running(b: Broadcast) {
    return html`${this.#layouts(b.layout ?? "grid", (layout) => void this.room.setBroadcastLayout(layout))}
      ${b.destinations?.length
        ? html`<ul class="destinations" aria-label="Destinations">
            ${b.destinations.map((d) => this.#destination(d))}
          </ul>`
        : nothing}
      <button
        class="button danger wide"
        data-testid="broadcast-stop"
        aria-busy=${b.status === "stopping" ? "true" : "false"}
        ?disabled=${b.status === "stopping"}
        @click=${this.#stop}
      >
        Stop broadcast
      </button>`;
  }

  #destination(d: Destination) {
    return html`<li class="destination ${d.status}" data-testid="destination">
      <span class="destination-dot" aria-hidden="true"></span>
      <span class="destination-url">${d.url.includes("://") ? d.url : "This server’s player page"}</span>
      <span class="destination-status">${d.status}</span>
      ${d.reason ? html`<p class="hint">${d.reason}</p>` : nothing}
    </li>`;
  }

  #layouts(current: Layout, chosen?: (layout: Layout) => void) {
    const option = (layout: Layout, label: string) =>
      html`<label
        ><input
          type="radio"
          name="layout"
          value=${layout}
          data-testid=${`broadcast-layout-${layout}`}
          .checked=${layout === current}
          @change=${() => chosen?.(layout)}
        />${label}</label
      >`;
    return html`<fieldset class="field bare">
      <legend class="label">What viewers see</legend>
      <div class="segmented" role="radiogroup">${option("grid", "Everyone")} ${option("speaker", "Who speaks")}</div>
    </fieldset>`;
  }

  #links(b: Broadcast) {
    // The recording has its address from the start, but plays once it is stopped.
    const ready = !running(b);
    return html`${b.live && running(b)
      ? html`<mc-copy label="Link to watch" open .value=${b.live} testid="live-link"></mc-copy>`
      : nothing}
    ${b.vod && b.record
      ? html`<mc-copy
          label=${ready ? "Recording" : "Recording, ready when stopped"}
          ?open=${ready}
          .value=${b.vod}
          testid="vod-link"
        ></mc-copy>`
      : nothing}`;
  }

  async #start(e: Event): Promise<void> {
    e.preventDefault();
    if (this.busy) return;
    const form = new FormData(e.target as HTMLFormElement);
    const destination = String(form.get("destination") ?? "").trim();
    if (destination && !/^rtmps?:\/\/./i.test(destination)) {
      this.error = "An RTMP address begins with rtmp:// or rtmps://.";
      return;
    }
    await this.#do(() =>
      this.room.startBroadcast({
        record: form.get("record") !== null,
        layout: form.get("layout") === "speaker" ? "speaker" : "grid",
        ...(destination ? { destination } : {}),
      }),
    );
  }

  #stop = (): Promise<void> => this.#do(() => this.room.stopBroadcast());

  async #do(action: () => Promise<unknown>): Promise<void> {
    this.busy = true;
    this.error = "";
    try {
      await action();
    } catch (err) {
      this.error = (err as Error).message;
    }
    this.busy = false;
  }
}

customElements.define("mc-broadcast", BroadcastPanel);
