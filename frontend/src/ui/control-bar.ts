import { html, nothing } from "lit";
import type { IconNode } from "lucide";
import {
  Ellipsis,
  GalleryVerticalEnd,
  Hand,
  LayoutGrid,
  MessageSquare,
  Mic,
  MicOff,
  MonitorUp,
  MonitorX,
  PhoneOff,
  Radio,
  Settings,
  UserPlus,
  Users,
  Video,
  VideoOff,
} from "lucide";
import { canShareScreen } from "../media/devices";
import type { Layout } from "../protocol/messages";
import { RoomElement } from "./element";
import { icon } from "./icon";

interface Control {
  testid: string;
  label: string;
  icon: IconNode;
  run(): void;
  /** Key of the shortcut, shown in the tooltip. */
  key?: string;
  pressed?: boolean;
  off?: boolean;
  disabled?: boolean;
  badge?: number;
  live?: boolean;
}

/** The bar of controls. What opens something is told as "mc-open" with its name. */
export class ControlBar extends RoomElement {
  static override properties = {
    ...RoomElement.properties,
    layout: {},
    open: {},
    unread: { type: Number },
    more: { state: true },
  };
  declare layout: Layout;
  declare open: string | undefined;
  declare unread: number;
  declare more: boolean;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("pointerdown", this.#closeMore);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("pointerdown", this.#closeMore);
  }

  #closeMore = (e: Event): void => {
    if (this.more && !(e.target as Element).closest?.(".more-menu, .more-toggle")) this.more = false;
  };

  protected override render() {
    const side = this.#side();
    return html`<div class="bar" role="region" aria-label="Meeting controls">
      <div class="bar-group bar-main">
        ${this.#main().map((c) => this.#button(c))}
        <button
          class="bar-button more-toggle"
          aria-label="More"
          aria-expanded=${this.more ? "true" : "false"}
          data-testid="more"
          @click=${() => (this.more = !this.more)}
        >
          <span class="bar-icon">${icon(Ellipsis)}${this.unread > 0 ? html`<i class="dot"></i>` : nothing}</span>
          <span class="bar-text">More</span>
        </button>
        <button class="bar-button leave" data-testid="leave" aria-label="Leave the meeting" @click=${() => this.room.leave()}>
          <span class="bar-icon">${icon(PhoneOff)}</span><span class="bar-text">Leave</span>
        </button>
      </div>
      <div class="bar-group bar-side">${side.map((c) => this.#button(c))}</div>
      ${this.more
        ? html`<div class="more-menu popover" @keydown=${this.#onMenuKey}>
            ${[...this.#main().slice(2), ...side].map((c) => this.#menuItem(c))}
          </div>`
        : nothing}
    </div>`;
  }

  #onMenuKey(e: KeyboardEvent): void {
    if (e.key !== "Escape") return;
    e.stopPropagation();
    this.more = false;
    this.querySelector<HTMLElement>(".more-toggle")?.focus();
  }

  #main(): Control[] {
    const { room } = this;
    const mic = room.local.state("microphone");
    const camera = room.local.state("camera");
    const screen = room.local.state("screen");
    const hand = !!room.me?.hand;
    return [
      {
        testid: "mic",
        key: "m",
        label: mic === "on" ? "Mute" : "Unmute",
        icon: mic === "on" ? Mic : MicOff,
        off: mic !== "on",
        disabled: mic === "starting",
        run: () => void room.toggleMicrophone(),
      },
      {
        testid: "camera",
        key: "v",
        label: camera === "off" ? "Start video" : "Stop video",
        icon: camera === "on" ? Video : VideoOff,
        off: camera !== "on",
        disabled: camera === "starting",
        run: () => void room.toggleCamera(),
      },
      ...(canShareScreen()
        ? [
            {
              testid: "share",
              key: "s",
              label: screen === "off" ? "Share" : "Stop share",
              icon: screen === "off" ? MonitorUp : MonitorX,
              pressed: screen !== "off",
              disabled: screen === "starting",
              run: () => void room.toggleScreen(),
            },
          ]
        : []),
      {
        testid: "hand",
        key: "h",
        label: hand ? "Lower hand" : "Raise hand",
        icon: Hand,
        pressed: hand,
        run: () => void room.toggleHand(),
      },
    ];
  }

  #side(): Control[] {
    const { room, open } = this;
    const panel = (name: string) => () => this.tell("open", name);
    const status = room.broadcast.status;
    const moderator: Control[] = [
      { testid: "invite", key: "i", label: "Invite", icon: UserPlus, run: panel("invite") },
      {
        testid: "broadcast-toggle",
        key: "b",
        label: "Broadcast",
        icon: Radio,
        pressed: open === "broadcast",
        live: status === "live" || status === "reconnecting",
        run: panel("broadcast"),
      },
    ];
    return [
      {
        testid: "layout",
        key: "l",
        label: this.layout === "grid" ? "Speaker view" : "Grid view",
        icon: this.layout === "grid" ? GalleryVerticalEnd : LayoutGrid,
        run: () => this.tell("layout"),
      },
      {
        testid: "people-toggle",
        key: "p",
        label: "People",
        icon: Users,
        pressed: open === "people",
        run: panel("people"),
      },
      {
        testid: "chat-toggle",
        key: "c",
        label: "Chat",
        icon: MessageSquare,
        pressed: open === "chat",
        badge: this.unread,
        run: panel("chat"),
      },
      ...(room.moderator ? moderator : []),
      { testid: "settings", label: "Settings", icon: Settings, run: panel("settings") },
    ];
  }

  #button(c: Control) {
    return html`<button
      class="bar-button ${c.off ? "off" : ""} ${c.live ? "live" : ""} for-${c.testid}"
      data-testid=${c.testid}
      data-on=${c.off === undefined ? nothing : String(!c.off)}
      aria-label=${c.badge ? `${c.label}, ${c.badge} unread` : c.label}
      aria-pressed=${c.pressed === undefined ? nothing : c.pressed ? "true" : "false"}
      aria-keyshortcuts=${c.key ?? nothing}
      title=${c.key ? `${c.label} (${c.key.toUpperCase()})` : c.label}
      ?disabled=${c.disabled}
      @click=${c.run}
    >
      <span class="bar-icon">${icon(c.icon)}${this.#badge(c)}</span>
      <span class="bar-text">${c.label}</span>
    </button>`;
  }

  #badge(c: Control) {
    return c.badge
      ? html`<span class="count" data-testid="unread">${c.badge > 99 ? "99+" : c.badge}</span>`
      : nothing;
  }

  #menuItem(c: Control) {
    const run = () => {
      this.more = false;
      c.run();
    };
    return html`<button class="menu-item for-${c.testid}" data-testid="menu-${c.testid}" ?disabled=${c.disabled} @click=${run}>
      ${icon(c.icon)}<span>${c.label}</span>${this.#badge(c)}
    </button>`;
  }
}

customElements.define("mc-controls", ControlBar);
