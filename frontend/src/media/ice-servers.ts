import type { ICEServer } from "../protocol/messages";

const relays = (s: ICEServer) => s.urls.some((url) => /^turns?:/.test(url));

/** The servers without relays (TURN). */
export const direct = (servers: ICEServer[]): ICEServer[] => servers.filter((s) => !relays(s));

/** Whether there is any relay among them. */
export const hasRelay = (servers: ICEServer[]): boolean => servers.some(relays);
