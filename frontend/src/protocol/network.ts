/** Of the Network Information API; not in every browser. */
interface Connection {
  /** "wifi", "cellular", …; browsers of desktops do not tell. */
  type?: string;
  addEventListener?(type: "change", listener: () => void): void;
  removeEventListener?(type: "change", listener: () => void): void;
}

/**
 * Calls changed when the browser says that the network is back, or another one
 * than before. The returned function ends it.
 */
export function onNetworkChange(changed: () => void): () => void {
  const connection = (globalThis.navigator as { connection?: Connection } | undefined)?.connection;
  let type = connection?.type;
  // The event comes for every new estimate of the speed as well.
  const compare = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    changed();
  };
  globalThis.addEventListener?.("online", changed);
  connection?.addEventListener?.("change", compare);
  return () => {
    globalThis.removeEventListener?.("online", changed);
    connection?.removeEventListener?.("change", compare);
  };
}
