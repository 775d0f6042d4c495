/** A key that does something anywhere in the meeting. */
export interface Shortcut {
  key: string;
  action: string;
  label: string;
  moderator?: boolean;
}

export const SHORTCUTS: Shortcut[] = [
  { key: "m", action: "mic", label: "Microphone on or off" },
  { key: "v", action: "camera", label: "Camera on or off" },
  { key: "s", action: "share", label: "Share the screen" },
  { key: "h", action: "hand", label: "Raise or lower the hand" },
  { key: "c", action: "chat", label: "Chat" },
  { key: "p", action: "people", label: "People" },
  { key: "l", action: "layout", label: "Grid or speaker layout" },
  { key: "i", action: "invite", label: "Invite", moderator: true },
  { key: "b", action: "broadcast", label: "Broadcast", moderator: true },
];

/** The action of a key press, unless it belongs to a field, a dialog or the browser. */
export function shortcutOf(e: KeyboardEvent): string | undefined {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.defaultPrevented) return undefined;
  const target = e.target as Element | null;
  if (target?.closest?.("input, textarea, select, dialog, [contenteditable]")) return undefined;
  return SHORTCUTS.find((s) => s.key === e.key.toLowerCase())?.action;
}
