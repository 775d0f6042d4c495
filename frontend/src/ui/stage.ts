import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { ChevronLeft, ChevronRight, UserPlus } from "lucide";
import type { Layout, Want } from "../protocol/messages";
import {
  type Area,
  type Box,
  gridBoxes,
  gridCapacity,
  speakerBoxes,
  stripCapacity,
} from "../room/layout";
import { sends } from "../room/presence";
import { crowdOrder, pageOf, planStage, type StagePlan, type TileSpec } from "../room/tiles";
import { wantedSize } from "../room/viewport";
import { RoomElement } from "./element";
import { icon } from "./icon";
import "./tile";

interface Placed {
  spec: TileSpec;
  box: Box;
  main: boolean;
}

/** Space around the tiles, px. */
const PADDING = 8;
/** How many who spoke lately are remembered. */
const SPOKE = 8;
/** Height kept free for the pager, px. */
const PAGER = 48;

/** All the pictures. Asks the server for those that are visible, at their size. */
export class Stage extends RoomElement {
  static override properties = {
    ...RoomElement.properties,
    layout: {},
    pinned: {},
    area: { state: true },
    page: { state: true },
  };
  declare layout: Layout;
  declare pinned: string | undefined;
  declare area: Area;
  declare page: number;
  #previousMain: string | undefined;
  #placed: Placed[] = [];
  /** Who spoke lately, the latest first. */
  #spoke: string[] = [];
  readonly #resize = new ResizeObserver(() => this.#measure());

  constructor() {
    super();
    this.area = { width: 0, height: 0 };
    this.page = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  #measure(): void {
    const width = this.clientWidth - 2 * PADDING;
    const height = this.clientHeight - 2 * PADDING;
    if (width !== this.area.width || height !== this.area.height) this.area = { width, height };
  }

  protected override updated(): void {
    this.room.media.want(this.#wants());
  }

  protected override render() {
    this.#hear();
    const plan = planStage({
      participants: this.room.presence.all,
      self: this.room.self,
      speakers: this.room.speakers,
      layout: this.layout,
      ...(this.pinned ? { pinned: this.pinned } : {}),
      ...(this.#previousMain ? { previousMain: this.#previousMain } : {}),
    });
    this.#previousMain = plan.main?.key;
    const { placed, page, pages } = this.#place(plan);
    this.#placed = placed;
    const alone = this.room.presence.all.length <= 1;
    return html`
      <div class="stage-tiles">
        ${repeat(
          placed,
          ({ spec }) => spec.key,
          ({ spec, box, main }) =>
            html`<mc-tile
              .room=${this.room}
              .spec=${spec}
              .box=${box}
              .main=${main}
              .pinned=${spec.key === this.pinned}
            ></mc-tile>`,
        )}
      </div>
      ${pages > 1 ? this.#pager(page, pages) : nothing} ${alone ? this.#alone() : nothing}
    `;
  }

  #place(plan: StagePlan): { placed: Placed[]; page: number; pages: number } {
    const { area } = this;
    if (area.width <= 0 || area.height <= 0) return { placed: [], page: 0, pages: 1 };
    const whole = this.#placeIn(area, plan);
    if (whole.pages === 1) return whole;
    return this.#placeIn({ width: area.width, height: area.height - PAGER }, plan);
  }

  #placeIn(area: Area, { main, rest }: StagePlan): { placed: Placed[]; page: number; pages: number } {
    const size = main ? stripCapacity(area) : gridCapacity(area);
    const { items, page, pages } = pageOf(crowdOrder(rest, size, this.#hasPicture, this.#spoke), size, this.page);
    if (!main) {
      const boxes = gridBoxes(items.length, area);
      return { placed: items.map((spec, i) => ({ spec, box: boxes[i]!, main: false })), page, pages };
    }
    const boxes = speakerBoxes(items.length, area);
    return {
      placed: [
        { spec: main, box: boxes.main, main: true },
        ...items.map((spec, i) => ({ spec, box: boxes.strip[i]!, main: false })),
      ],
      page,
      pages,
    };
  }

  #pager(page: number, pages: number) {
    const turn = (by: number) => () => (this.page = page + by);
    return html`<nav class="pager" aria-label="More participants">
      <button class="icon-button small" aria-label="Previous page" ?disabled=${page === 0} @click=${turn(-1)}>
        ${icon(ChevronLeft)}
      </button>
      <span aria-live="polite">${page + 1} / ${pages}</span>
      <button class="icon-button small" aria-label="Next page" ?disabled=${page === pages - 1} @click=${turn(1)}>
        ${icon(ChevronRight)}
      </button>
    </nav>`;
  }

  #alone() {
    return html`<div class="alone">
      <p>Nobody else is here yet.</p>
      ${this.room.moderator
        ? html`<button class="button small" @click=${() => this.tell("open", "invite")}>
            ${icon(UserPlus)} Invite people
          </button>`
        : nothing}
    </div>`;
  }

  #hasPicture = ({ participant, source }: TileSpec): boolean => {
    const p = this.room.presence.get(participant);
    return !!p && p.id !== this.room.self && sends(p, source);
  };

  /** Notes who speaks, so that they are on the first page of a crowd. */
  #hear(): void {
    const { speakers } = this.room;
    const said = speakers.filter((id) => id !== this.room.self);
    this.#spoke = [...said, ...this.#spoke.filter((id) => !said.includes(id) && this.room.presence.get(id))].slice(0, SPOKE);
  }

  /** What is visible and has a picture, the main one first. */
  #wants(): Want[] {
    const ratio = window.devicePixelRatio || 1;
    return this.#placed.flatMap(({ spec, box }) => {
      const p = this.room.presence.get(spec.participant);
      if (!p || p.id === this.room.self || !sends(p, spec.source)) return [];
      return [{ participant: p.id, source: spec.source, ...wantedSize(box, ratio) }];
    });
  }
}

customElements.define("mc-stage", Stage);
