/** Emitter keeps the listeners of named events. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>();

  on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
  }

  off<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** emit calls the listeners; one that throws does not keep the others from hearing. */
  emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (data: Events[Name]) => void)(data);
      } catch (error) {
        console.error(`NanoMeet: a listener of "${String(name)}" failed`, error);
      }
    }
  }
}
