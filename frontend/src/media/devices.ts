/** Finding and opening cameras and microphones, and saying in words what went wrong. */

export type DeviceProblem =
  /** The user, the system or the embedding page refused. */
  | "denied"
  /** There is no such device. */
  | "missing"
  /** Another program holds it, or its driver failed. */
  | "busy"
  /** The page is not served over HTTPS (or from localhost), or the browser is too old. */
  | "unsupported"
  | "unknown";

export class DeviceError extends Error {
  constructor(
    readonly problem: DeviceProblem,
    readonly device: "camera" | "microphone" | "screen",
    cause?: unknown,
  ) {
    super(describe(problem, device), { cause });
    this.name = "DeviceError";
  }
}

const names = { camera: "camera", microphone: "microphone", screen: "screen" };

/** A sentence for the person in front of the page. */
export function describe(problem: DeviceProblem, device: keyof typeof names): string {
  const name = names[device];
  switch (problem) {
    case "denied":
      return `The browser does not let this page use your ${name}. Allow it beside the address bar and try again.`;
    case "missing":
      return `No ${name} was found. Plug one in and try again.`;
    case "busy":
      return `Your ${name} did not start. Another program may be using it: close that and try again.`;
    case "unsupported":
      return `This browser cannot use a ${name} here. The page must be opened over https:// in a current browser.`;
  }
  return `Your ${name} could not be started. Try again, or choose another one in the settings.`;
}

/** Sorts the exceptions of getUserMedia and getDisplayMedia. */
export function classify(err: unknown): DeviceProblem {
  const name = (err as { name?: string } | undefined)?.name;
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
    case "DevicesNotFoundError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "busy";
    case "TypeError":
      return "unsupported";
  }
  return "unknown";
}

export interface DeviceLists {
  audioInput: MediaDeviceInfo[];
  audioOutput: MediaDeviceInfo[];
  videoInput: MediaDeviceInfo[];
}

/** The devices of this machine; labels are empty until a permission was given. */
export async function listDevices(): Promise<DeviceLists> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((d) => d.kind === kind && d.deviceId !== "");
  return { audioInput: of("audioinput"), audioOutput: of("audiooutput"), videoInput: of("videoinput") };
}

export async function openCamera(deviceId?: string): Promise<MediaStreamTrack> {
  return open("camera", {
    video: {
      ...preferred(deviceId),
      width: { ideal: 1280 },
      height: { ideal: 720 },
      frameRate: { ideal: 30, max: 30 },
    },
  });
}

export async function openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  return open("microphone", {
    audio: { ...preferred(deviceId), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
}

// "ideal" and not "exact": a device that has gone must not leave the person mute.
const preferred = (deviceId?: string) => (deviceId ? { deviceId: { ideal: deviceId } } : {});

async function open(device: "camera" | "microphone", constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError("unsupported", device);
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const track = stream.getTracks()[0];
    if (!track) throw new DeviceError("unknown", device);
    if (device === "camera") track.contentHint = "motion";
    return track;
  } catch (err) {
    if (err instanceof DeviceError) throw err;
    throw new DeviceError(classify(err), device, err);
  }
}

/** Screen sharing is not offered where the browser lacks it (phones). */
export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

/** Asks for a screen; undefined when the person closed the browser's chooser. */
export async function openScreen(): Promise<{ video: MediaStreamTrack; audio?: MediaStreamTrack } | undefined> {
  if (!canShareScreen()) throw new DeviceError("unsupported", "screen");
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { ideal: 30, max: 30 } },
      audio: true,
    });
    const [video] = stream.getVideoTracks();
    if (!video) return undefined;
    video.contentHint = "detail";
    const [audio] = stream.getAudioTracks();
    return audio ? { video, audio } : { video };
  } catch (err) {
    // A closed chooser and a refusal look the same; neither needs a complaint.
    if (classify(err) === "denied") return undefined;
    throw new DeviceError(classify(err), "screen", err);
  }
}
