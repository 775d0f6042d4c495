import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { MessageSquare, SendHorizontal } from "lucide";
import { LIMITS, type ChatMessage } from "../protocol/messages";
import { splitLinks } from "../room/links";
import { RoomElement } from "./element";
import { icon } from "./icon";

/** Messages of one person within this time share one heading, ms. */
const TOGETHER = 3 * 60_000;
/** Closer than this to the end, the list follows new messages, px. */
const FOLLOW = 60;

/** The text chat of the room. */
export class ChatPanel extends RoomElement {
  #follow = true;
  #shown = 0;

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const list = this.querySelector(".chat-list");
    if (list) this.#follow = list.scrollHeight - list.scrollTop - list.clientHeight < FOLLOW;
  }

  protected override updated(): void {
    const { length } = this.room.chat;
    const list = this.querySelector(".chat-list");
    if (list && this.#follow && length !== this.#shown) list.scrollTop = list.scrollHeight;
    this.#shown = length;
  }

  protected override firstUpdated(): void {
    this.querySelector<HTMLElement>("textarea")?.focus({ preventScroll: true });
  }

  protected override render() {
    const { chat } = this.room;
    return html`
      <div class="chat-list" role="log" aria-label="Messages" tabindex="0" data-testid="chat-list">
        ${chat.length === 0
          ? html`<div class="empty">${icon(MessageSquare)}<p>No messages yet. Everyone in the meeting can read what you write.</p></div>`
          : chat.map((m, i) => this.#message(m, chat[i - 1]))}
      </div>
      <form class="chat-form" @submit=${this.#send}>
        <textarea
          class="textarea"
          rows="1"
          maxlength=${LIMITS.chat}
          placeholder="Write a message"
          aria-label="Message to everyone"
          data-testid="chat-input"
          @keydown=${this.#onKey}
          @input=${grow}
        ></textarea>
        <button class="icon-button filled" aria-label="Send" data-testid="chat-send">${icon(SendHorizontal)}</button>
      </form>
    `;
  }

  #message(m: ChatMessage, before: ChatMessage | undefined): TemplateResult {
    const own = m.from === this.room.self;
    const together = before?.from === m.from && (m.at ?? 0) - (before?.at ?? 0) < TOGETHER;
    return html`<div class="chat-message ${own ? "own" : ""}" data-testid="chat-message">
      ${together
        ? nothing
        : html`<p class="chat-head"><strong>${own ? "You" : m.name || "Guest"}</strong><time>${clock(m.at)}</time></p>`}
      <p class="chat-text">${splitLinks(m.text).map((part) =>
        part.href
          ? html`<a class="link" href=${part.href} target="_blank" rel="noopener noreferrer nofollow">${part.text}</a>`
          : part.text,
      )}</p>
    </div>`;
  }

  #onKey(e: KeyboardEvent): void {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    this.querySelector("form")?.requestSubmit();
  }

  async #send(e: Event): Promise<void> {
    e.preventDefault();
    const field = this.querySelector("textarea")!;
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    grow({ target: field });
    this.#follow = true;
    // What could not be sent comes back, so that nobody has to write it again.
    if (!(await this.room.sendChat(text)) && field.value === "") field.value = text;
  }
}

function grow({ target }: { target: unknown }): void {
  const field = target as HTMLTextAreaElement;
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
}

const clock = (at: number | undefined) =>
  at ? new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : "";

customElements.define("mc-chat", ChatPanel);
