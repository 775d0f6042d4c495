import { LightElement } from "../../ui/element";

/** A page that shows a model and follows its "change" events. */
export abstract class ModelPage<Model extends EventTarget> extends LightElement {
  protected readonly model: Model;

  constructor(model: Model) {
    super();
    this.model = model;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.model.addEventListener("change", this.#changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.model.removeEventListener("change", this.#changed);
  }

  readonly #changed = (): void => this.requestUpdate();
}
