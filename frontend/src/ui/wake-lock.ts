/** Keeps the screen of a phone on during a meeting, where the browser can; call the result to stop. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let stopped = false;
  const take = async () => {
    if (stopped || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    // Refused on a low battery or by the embedding page: then the screen sleeps as ever.
    const taken = await navigator.wakeLock.request("screen").catch(() => undefined);
    if (stopped) void taken?.release();
    else lock = taken;
  };
  // The browser lets go of the lock whenever the page is hidden.
  document.addEventListener("visibilitychange", take);
  void take();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", take);
    void lock?.release();
  };
}
