/** Sampling of the meter, ms: quick enough for a bar, cheap enough for a phone. */
const EVERY = 60;

let context: AudioContext | undefined;

/** One context for all meters: browsers allow few. */
function sharedContext(): AudioContext | undefined {
  if (typeof AudioContext === "undefined") return undefined;
  context ??= new AudioContext({ latencyHint: "interactive" });
  if (context.state === "suspended") void context.resume().catch(() => undefined);
  return context;
}

/** Maps the peak of a block of samples onto 0..1 so that quiet speech is visible. */
export function levelOf(samples: Float32Array): number {
  let peak = 0;
  for (const s of samples) peak = Math.max(peak, Math.abs(s));
  if (peak === 0) return 0;
  const db = 20 * Math.log10(peak); // 0 is full scale
  return Math.min(1, Math.max(0, (db + 55) / 50));
}

/** Measures how loud a local track is and reports it until the returned function is called. */
export function meter(track: MediaStreamTrack, report: (level: number) => void): () => void {
  const ctx = sharedContext();
  if (!ctx) return () => undefined;
  const source = ctx.createMediaStreamSource(new MediaStream([track]));
  const analyser = ctx.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    report(track.enabled ? levelOf(samples) : 0);
  }, EVERY);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}

/** Plays two soft tones, so that one hears which loudspeaker is chosen. */
export async function playTestTone(sinkId?: string): Promise<void> {
  const ctx = sharedContext();
  if (!ctx) return;
  const out = ctx.createMediaStreamDestination();
  const gain = ctx.createGain();
  gain.connect(out);
  gain.gain.setValueAtTime(0, ctx.currentTime);
  [523, 659].forEach((frequency, i) => {
    const at = ctx.currentTime + 0.05 + i * 0.22;
    const tone = ctx.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain);
    tone.start(at);
    tone.stop(at + 0.22);
    gain.gain.linearRampToValueAtTime(0.2, at + 0.02);
    gain.gain.linearRampToValueAtTime(0, at + 0.21);
  });
  const audio = new Audio();
  audio.srcObject = out.stream;
  if (sinkId && "setSinkId" in audio) await audio.setSinkId(sinkId).catch(() => undefined);
  await audio.play();
  await new Promise((done) => setTimeout(done, 700));
  audio.srcObject = null;
  gain.disconnect();
}
