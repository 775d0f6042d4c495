/** Events with typed payloads: `Events` maps each event to what it brings. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();

  /** Calls fn on each event; the returned function stops that. */
  on<T extends keyof Events>(type: T, fn: (payload: Events[T]) => void): () => void {
    let set = this.#listeners.get(type);
    if (!set) this.#listeners.set(type, (set = new Set()));
    set.add(fn);
    return () => set.delete(fn);
  }

  protected emit<T extends keyof Events>(type: T, payload: Events[T]): void {
    for (const fn of [...(this.#listeners.get(type) ?? [])]) {
      (fn as (payload: Events[T]) => void)(payload);
    }
  }
}
