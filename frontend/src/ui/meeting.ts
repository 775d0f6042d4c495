import { html, nothing, type PropertyValues } from "lit";
import { X } from "lucide";
import type { Layout } from "../protocol/messages";
import { loadPrefs, savePrefs } from "../room/prefs";
import { RoomElement } from "./element";
import { icon } from "./icon";
import { shortcutOf } from "./shortcuts";
import type { Toasts } from "./toasts";
import { keepAwake } from "./wake-lock";
import "./broadcast-panel";
import "./chat-panel";
import "./control-bar";
import "./invite-dialog";
import "./marks";
import "./no-media";
import "./people-panel";
import "./settings-dialog";
import "./stage";
import "./toasts";

type Panel = "chat" | "people" | "broadcast";
type Dialog = "invite" | "settings";

const PANELS: Record<Panel, string> = { chat: "Chat", people: "People", broadcast: "Broadcast" };

/** The meeting itself: stage, panel, controls, and what is open of them. */
export class Meeting extends RoomElement {
  static override properties = {
    ...RoomElement.properties,
    token: {},
    roomName: {},
    panel: { state: true },
    dialog: { state: true },
    layout: { state: true },
    pinned: { state: true },
    unread: { state: true },
    spoken: { state: true },
  };
  declare token: string;
  declare roomName: string;
  declare panel: Panel | undefined;
  declare dialog: Dialog | undefined;
  declare layout: Layout;
  declare pinned: string | undefined;
  declare unread: number;
  /** What a screen reader says next. */
  declare spoken: string;
  #followed: (() => void)[] = [];
  #letSleep: (() => void) | undefined;

  constructor() {
    super();
    this.layout = loadPrefs().layout ?? "grid";
    this.unread = 0;
    this.spoken = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.#onKey);
    this.addEventListener("mc-open", this.#onOpen as EventListener);
    this.addEventListener("mc-pin", this.#onPin as EventListener);
    this.addEventListener("mc-layout", this.#toggleLayout);
    this.#letSleep = keepAwake();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#onKey);
    this.#letSleep?.();
    for (const off of this.#followed.splice(0)) off();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("room")) this.#watch();
  }

  #watch(): void {
    for (const off of this.#followed.splice(0)) off();
    const { room } = this;
    this.#followed = [
      room.on("notice", (n) => this.querySelector<Toasts>("mc-toasts")?.add(n)),
      room.on("chat", (m) => {
        if (m.from !== room.self && this.panel !== "chat") this.unread++;
      }),
      room.on("participantJoined", (p) => (this.spoken = `${p.name} joined`)),
      room.on("participantLeft", (p) => (this.spoken = `${p.name} left`)),
    ];
  }

  protected override render() {
    const { room, panel } = this;
    return html`<div class="meeting ${panel ? "with-panel" : ""}" data-testid="meeting">
      <header class="meeting-head">
        <h1 class="meeting-name">${room.info.subject || this.roomName}</h1>
        <mc-marks .room=${room}></mc-marks>
      </header>
      <mc-banner .room=${room}></mc-banner>
      <main class="meeting-stage">
        <mc-stage .room=${room} .layout=${this.layout} .pinned=${this.pinned}></mc-stage>
        <mc-no-media .room=${room}></mc-no-media>
      </main>
      ${panel ? this.#panel(panel) : nothing}
      <mc-controls .room=${room} .layout=${this.layout} .open=${panel} .unread=${this.unread}></mc-controls>
      <mc-toasts></mc-toasts>
      <div class="visually-hidden" role="status" aria-live="polite">${this.spoken}</div>
      ${this.#dialog()}
    </div>`;
  }

  #panel(panel: Panel) {
    return html`<aside class="panel meeting-panel" aria-label=${PANELS[panel]} @keydown=${this.#onPanelKey}>
      <header class="panel-header">
        <h2>${PANELS[panel]}${panel === "people" ? html` <span class="muted">${this.room.presence.all.length}</span>` : nothing}</h2>
        <button class="icon-button" aria-label="Close" data-testid="panel-close" @click=${() => this.#open(panel)}>${icon(X)}</button>
      </header>
      ${panel === "chat"
        ? html`<mc-chat class="panel-body flush" .room=${this.room}></mc-chat>`
        : panel === "people"
          ? html`<mc-people class="panel-body" .room=${this.room}></mc-people>`
          : html`<mc-broadcast class="panel-body" .room=${this.room}></mc-broadcast>`}
    </aside>`;
  }

  #dialog() {
    const close = () => (this.dialog = undefined);
    if (this.dialog === "invite") return html`<mc-invite .token=${this.token} @mc-close=${close}></mc-invite>`;
    if (this.dialog === "settings") return html`<mc-settings .room=${this.room} @mc-close=${close}></mc-settings>`;
    return nothing;
  }

  #onOpen = (e: CustomEvent<Panel | Dialog>): void => this.#open(e.detail);

  /** Opens a panel or dialog; a panel that is open closes. */
  #open(what: Panel | Dialog): void {
    if (what === "invite" || what === "settings") {
      this.dialog = what;
      return;
    }
    const closing = this.panel === what;
    this.panel = closing ? undefined : what;
    if (this.panel === "chat") this.unread = 0;
    if (closing) this.querySelector<HTMLElement>(`[data-testid="${what}-toggle"]`)?.focus({ preventScroll: true });
  }

  #onPanelKey(e: KeyboardEvent): void {
    if (e.key !== "Escape" || !this.panel || e.defaultPrevented) return;
    if ((e.target as Element).closest("dialog")) return;
    this.#open(this.panel);
  }

  #onPin = ({ detail }: CustomEvent<string>): void => {
    this.pinned = this.pinned === detail ? undefined : detail;
  };

  #toggleLayout = (): void => {
    this.layout = this.layout === "grid" ? "speaker" : "grid";
    savePrefs({ layout: this.layout });
  };

  #onKey = (e: KeyboardEvent): void => {
    const action = shortcutOf(e);
    if (!action) return;
    e.preventDefault();
    const { room } = this;
    switch (action) {
      case "mic":
        return void room.toggleMicrophone();
      case "camera":
        return void room.toggleCamera();
      case "share":
        return void room.toggleScreen();
      case "hand":
        return void room.toggleHand();
      case "layout":
        return this.#toggleLayout();
      case "invite":
      case "broadcast":
        return room.moderator ? this.#open(action) : undefined;
      case "chat":
      case "people":
        return this.#open(action);
    }
  };
}

customElements.define("mc-meeting", Meeting);
