// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakePeerConnection } from "../../tests/fake-peer";
import { FakeSocket, joined } from "../../tests/fake-socket";
import { LocalMedia } from "../media/local";
import { Room } from "../room/room";
import type { Meeting } from "./meeting";

const people = [
  { id: "me", name: "Ann", moderator: true, sources: {} },
  { id: "bob", name: "Bob <b>", sources: { camera: "on", microphone: "on" } },
  { id: "cat", name: "Cat", hand: 5, sources: { microphone: "muted" } },
];

let room: Room;
let page: Meeting;
let socket: FakeSocket;

beforeEach(async () => {
  stubBrowser();
  await import("./meeting");
  room = new Room({
    url: "ws://server",
    token: "T",
    room: "acme/standup",
    name: "Ann",
    local: new LocalMedia(),
    audioParent: document.body,
    webSocket: FakeSocket.make,
  });
});

afterEach(() => {
  page?.remove();
  room.close();
  localStorage.clear();
  vi.unstubAllGlobals();
});

function stubBrowser(): void {
  FakeSocket.all = [];
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(private readonly run: () => void) {}
      observe(e: HTMLElement) {
        Object.defineProperty(e, "clientWidth", { value: 1200, configurable: true });
        Object.defineProperty(e, "clientHeight", { value: 700, configurable: true });
        this.run();
      }
      disconnect() {}
    },
  );
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLMediaElement.prototype.play = () => Promise.resolve();
}

async function enter(change: object = {}): Promise<void> {
  room.join();
  socket = FakeSocket.last;
  socket.accept();
  socket.say(joined({ participants: people, ...change }));
  page = document.createElement("mc-meeting") as Meeting;
  page.room = room;
  page.token = "T";
  page.roomName = "standup";
  document.body.append(page);
  await settle();
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((done) => setTimeout(done));
}

const one = <T extends HTMLElement>(testid: string) => page.querySelector<T>(`[data-testid="${testid}"]`);
const press = async (testid: string) => {
  one(testid)!.click();
  await settle();
};
const key = async (k: string, target: EventTarget = document.body) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true }));
  await settle();
};

describe("the stage", () => {
  it("has a tile for everybody, with what tests and readers need", async () => {
    await enter();
    const tiles = [...page.querySelectorAll<HTMLElement>("mc-tile")];
    expect(tiles.map((t) => [t.dataset.participant, t.dataset.name, t.dataset.source])).toEqual([
      ["bob", "Bob <b>", "camera"],
      ["cat", "Cat", "camera"],
      ["me", "Ann", "camera"],
    ]);
    expect(tiles.every((t) => t.querySelector("video"))).toBe(true);
    expect(tiles[0]!.querySelector(".tile-name")!.textContent).toBe("Bob <b>");
    expect(tiles[1]!.querySelector('[aria-label="Hand raised"]')).not.toBeNull();
    expect(tiles[1]!.querySelector('[aria-label="Microphone off"]')).not.toBeNull();
  });

  it("says in words why there is no picture when this browser cannot show it", async () => {
    vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [{ mimeType: "video/VP8" }] }) });
    await enter();
    const offer = socket.of("offer")!;
    socket.say({ type: "answer", id: offer.id, sdp: "answer" });
    const carry = async (codec: string) => {
      socket.say({ type: "slots", slots: [{ mid: "3", kind: "video", participant: "bob", source: "camera", codec }] });
      await settle();
    };
    await settle();
    await carry("h264");
    expect(one("tile-why")!.textContent).toBe("Bob <b>’s browser sends H.264, which this browser cannot show.");
    await carry("vp8");
    expect(one("tile-why")).toBeNull();
  });

  it("asks for what is shown, at its size, and only for what is sent", async () => {
    await enter();
    const want = socket.of("view")!.want as { participant: string; width: number }[];
    expect(want.map((w) => w.participant)).toEqual(["bob"]);
    expect(want[0]!.width).toBeGreaterThan(300);
  });

  it("puts a ring around who speaks", async () => {
    await enter();
    socket.say({ type: "speakers", speakers: ["bob"] });
    await settle();
    expect([...page.querySelectorAll("mc-tile.speaking")].map((t) => (t as HTMLElement).dataset.participant)).toEqual(["bob"]);
  });

  it("pins by a click and unpins by another", async () => {
    await enter();
    const hit = () => page.querySelector<HTMLElement>('mc-tile[data-participant="cat"] .tile-hit')!;
    hit().click();
    await settle();
    expect(page.querySelector("mc-tile.main")!.getAttribute("data-participant")).toBe("cat");
    expect(hit().getAttribute("aria-pressed")).toBe("true");
    hit().click();
    await settle();
    expect(page.querySelector("mc-tile.main")).toBeNull();
  });
});

describe("controls", () => {
  it("all have a name", async () => {
    await enter({ broadcast: { status: "live", record: true, live: "https://x/live", vod: "https://x/vod" } });
    for (const panel of ["chat-toggle", "people-toggle", "broadcast-toggle"]) {
      await press(panel);
      for (const b of page.querySelectorAll("button, a, input:not([type=radio]):not([type=checkbox]), textarea, select")) {
        const labelled = b.getAttribute("aria-label") || b.textContent!.trim() || (b.id && page.querySelector(`label[for="${b.id}"]`));
        expect(labelled, b.outerHTML).toBeTruthy();
      }
    }
  });

  it("show a participant nothing that only moderators may do", async () => {
    await enter({ moderator: false });
    await press("people-toggle");
    for (const id of ["invite", "broadcast-toggle", "kick", "mute-everyone"]) expect(one(id)).toBeNull();
    await key("b");
    expect(one("broadcast-panel")).toBeNull();
  });

  it("count unread messages until the chat is opened", async () => {
    await enter();
    for (const text of ["one", "two"]) socket.say({ type: "chat", from: "bob", name: "Bob", text, at: 1 });
    socket.say({ type: "chat", from: "me", name: "Ann", text: "mine", at: 2 });
    await settle();
    expect(one("unread")!.textContent).toBe("2");
    await press("chat-toggle");
    expect(one("unread")).toBeNull();
    expect(page.querySelectorAll('[data-testid="chat-message"]')).toHaveLength(3);
  });

  it("send a message on Enter and give back what could not be sent", async () => {
    await enter();
    await press("chat-toggle");
    const field = one<HTMLTextAreaElement>("chat-input")!;
    field.value = "  hello ";
    field.form!.requestSubmit();
    expect(socket.of("chat")).toMatchObject({ text: "hello" });
    expect(field.value).toBe("");
    socket.say({ type: "error", id: socket.of("chat")!.id, code: "rate", message: "Too fast." });
    await settle();
    expect(field.value).toBe("hello");
    expect(one("toast")!.textContent).toContain("Too fast.");
  });

  it("obey the keyboard, but not inside fields", async () => {
    await enter();
    await key("c");
    expect(one("chat-input")).not.toBeNull();
    await key("p", one("chat-input")!);
    expect(one("people")).toBeNull();
    await key("Escape", one("chat-input")!);
    expect(one("chat-input")).toBeNull();
    await key("h");
    expect(socket.of("hand")).toMatchObject({ raised: true });
    await key("l");
    expect(page.querySelector("mc-tile.main")).not.toBeNull();
  });
});

describe("people", () => {
  it("lists raised hands first and removes after asking once more", async () => {
    await enter();
    await press("people-toggle");
    expect([...page.querySelectorAll("[data-participant-row]")].map((r) => r.getAttribute("data-participant-row"))).toEqual(["cat", "me", "bob"]);
    page.querySelector<HTMLElement>('[data-participant-row="bob"] [data-testid="kick"]')!.click();
    await settle();
    expect(socket.of("kick")).toBeUndefined();
    await press("kick-confirm");
    expect(socket.of("kick")).toMatchObject({ participant: "bob" });
    expect(one("kick-dialog")).toBeNull();
  });
});

describe("dialogs", () => {
  it("make an invitation with the page's token, or say why not", async () => {
    const calls: RequestInit[] = [];
    const answers = [
      new Response(JSON.stringify({ error: "x", message: "The token has expired." }), { status: 401 }),
      new Response(JSON.stringify({ data: "NEW" })),
    ];
    vi.stubGlobal("fetch", (_: URL, init: RequestInit) => (calls.push(init), Promise.resolve(answers.shift())));
    await enter();
    await press("invite");
    const form = () => one("invite-create")!.closest("form")!;
    one<HTMLInputElement>("invite-moderator")!.checked = true;
    form().requestSubmit();
    await settle();
    expect(one("invite-dialog")!.textContent).toContain("The token has expired.");
    form().requestSubmit();
    await settle();
    expect(one<HTMLInputElement>("invite-link")!.value).toContain("?jwt=NEW");
    expect(calls[1]!.headers).toMatchObject({ "x-bintu-token": "T" });
    expect(JSON.parse(calls[1]!.body as string)).toMatchObject({ moderator: true });
  });

  it("rename, and remember the name", async () => {
    await enter();
    await press("settings");
    one<HTMLInputElement>("rename")!.value = "Anna";
    one<HTMLInputElement>("rename")!.form!.requestSubmit();
    expect(socket.of("rename")).toMatchObject({ name: "Anna" });
    socket.say({ type: "ok", id: socket.of("rename")!.id });
    await settle();
    expect(localStorage.getItem("meetcast.prefs.v1")).toContain("Anna");
  });

  it("close on Esc", async () => {
    await enter();
    await press("settings");
    one("settings-dialog")!.dispatchEvent(new Event("cancel", { cancelable: true }));
    await settle();
    expect(one("settings-dialog")).toBeNull();
  });
});

describe("the broadcast panel", () => {
  it("starts with what was chosen and shows a refusal where it was asked for", async () => {
    await enter();
    await press("broadcast-toggle");
    one<HTMLInputElement>("broadcast-record")!.checked = true;
    one<HTMLInputElement>("broadcast-layout-speaker")!.checked = true;
    const form = one("broadcast-start")!.closest("form")!;
    one<HTMLInputElement>("broadcast-destination")!.value = "ingest.test/KEY";
    form.requestSubmit();
    await settle();
    expect(one("broadcast-error")!.textContent).toContain("begins with rtmp://");
    one<HTMLInputElement>("broadcast-destination")!.value = " rtmp://ingest.test/rec/KEY ";
    form.requestSubmit();
    expect(socket.of("broadcast-start")).toMatchObject({ record: true, layout: "speaker", destination: "rtmp://ingest.test/rec/KEY" });
    socket.say({ type: "error", id: socket.of("broadcast-start")!.id, code: "destination", message: "The ingest refused the stream key." });
    await settle();
    expect(one("broadcast-error")!.textContent).toContain("refused the stream key");
  });

  it("says once why a start failed, though both the answer and the state say it", async () => {
    await enter();
    await press("broadcast-toggle");
    one("broadcast-start")!.closest("form")!.dispatchEvent(new Event("submit", { cancelable: true }));
    await settle();
    const reason = "The ingest refused the stream key.";
    socket.say({ type: "broadcast", status: "failed", reason });
    socket.say({ type: "error", id: socket.of("broadcast-start")!.id, code: "destination", message: reason });
    await settle();
    expect(one("broadcast-panel")!.textContent!.split(reason)).toHaveLength(2);
  });

  it("follows the state, marks the meeting as live for all, and stops", async () => {
    await enter();
    await press("broadcast-toggle");
    socket.say({ type: "broadcast", status: "live", since: Date.now() - 61_000, record: true, live: "https://x/live", vod: "https://x/vod" });
    await settle();
    expect(one("broadcast-panel")!.dataset.status).toBe("live");
    expect(one("mark-live")!.textContent).toContain("1:01");
    expect(one("mark-rec")).not.toBeNull();
    expect(one<HTMLInputElement>("live-link")!.value).toBe("https://x/live");
    await press("broadcast-stop");
    expect(socket.of("broadcast-stop")).toBeDefined();
    socket.say({ type: "ok", id: socket.of("broadcast-stop")!.id, broadcast: { status: "stopped", record: true, vod: "https://x/vod" } });
    await settle();
    expect(one("mark-live")).toBeNull();
    expect(one<HTMLInputElement>("vod-link")!.value).toBe("https://x/vod");
  });
});

describe("trouble", () => {
  it("is said while the connection is lost, and gone afterwards", async () => {
    await enter();
    socket.drop(1006);
    await settle();
    expect(one("reconnecting")).not.toBeNull();
    await new Promise((done) => setTimeout(done, 300));
    FakeSocket.last.accept();
    FakeSocket.last.say(joined({ participants: people, resumed: true }));
    await settle();
    expect(one("reconnecting")).toBeNull();
  });
});
