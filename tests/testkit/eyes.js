// Runs in every page under test as window.__testkit: what a person would see
// and hear there. It looks into shadow roots too.
(() => {
  const all = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const e of root.querySelectorAll("*")) if (e.shadowRoot) found.push(...all(selector, e.shadowRoot));
    return found;
  };
  const one = (selector) => all(selector)[0] ?? null;
  const videoOf = (selector) => {
    const e = one(selector);
    if (!e) return null;
    if (e instanceof HTMLVideoElement) return e;
    return e.querySelector("video") ?? (e.shadowRoot ? e.shadowRoot.querySelector("video") : null);
  };

  const canvas = document.createElement("canvas");
  const pixels = (video, width, height) => {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };

  // frame returns the picture of a video as base64 RGBA, null before the first.
  const frame = (selector, width, height) => {
    const video = videoOf(selector);
    if (!video || video.readyState < 2 || !video.videoWidth) return null;
    const data = pixels(video, width, height);
    let text = "";
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    return { width, height, data: btoa(text), videoWidth: video.videoWidth, videoHeight: video.videoHeight };
  };

  // readCode is Frame.Code of code.go: same blocks, same thresholds.
  const W = 160, H = 90, X0 = 0.125, Y0 = 0.33, BW = 0.075, BH = 0.15;
  const readCode = (video, tile) => {
    const data = pixels(video, W, H);
    const luma = (column, row) => {
      const x0 = tile.x + tile.w * (X0 + BW * (column + 0.3)), x1 = tile.x + tile.w * (X0 + BW * (column + 0.7));
      const y0 = tile.y + tile.h * (Y0 + BH * (row + 0.3)), y1 = tile.y + tile.h * (Y0 + BH * (row + 0.7));
      let sum = 0, n = 0;
      for (let y = Math.floor(y0 * H); y < Math.ceil(y1 * H); y++)
        for (let x = Math.floor(x0 * W); x < Math.ceil(x1 * W); x++) {
          const i = (y * W + x) * 4;
          sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
          n++;
        }
      return n ? sum / n : 0;
    };
    const white = (luma(0, 0) + luma(0, 1)) / 2, black = (luma(9, 0) + luma(9, 1)) / 2;
    if (white - black < 80) return -1;
    let word = 0;
    for (let row = 0; row < 2; row++)
      for (let column = 1; column <= 8; column++) {
        const level = (luma(column, row) - black) / (white - black);
        if (Math.abs(level - 0.5) < 0.15) return -1;
        word = (word << 1) | (level > 0.5 ? 1 : 0);
      }
    const code = word >> 4;
    return ((code >> 8) ^ (code >> 4) ^ code ^ 9) % 16 === (word & 15) ? code : -1;
  };

  // watch notes when each new code appears in a part of a video (shares of its
  // size). watched returns [time, code] pairs, times in Unix milliseconds.
  const logs = new Map();
  const watch = (name, selector, tile) => {
    const log = [];
    logs.set(name, log);
    const video = videoOf(selector);
    if (!video) return false;
    const next = () => video.requestVideoFrameCallback((now) => {
      if (logs.get(name) !== log) return;
      const code = readCode(video, tile);
      if (code >= 0 && (!log.length || log[log.length - 1][1] !== code)) log.push([performance.timeOrigin + now, code]);
      if (log.length > 4000) log.shift();
      next();
    });
    next();
    return true;
  };
  const watched = (name) => logs.get(name) ?? [];

  // listen taps every element that a person would hear, and returns the
  // loudness of frequencies in dBFS. Elements may come and go between calls.
  let ears = null;
  const tapped = new WeakMap(); // track -> source node
  const audible = () => all("audio, video").filter((e) => !e.muted && e.volume > 0 && !e.paused);
  const tracksOf = (e) => {
    if (e.srcObject) return e.srcObject.getAudioTracks();
    if (!e.__testkitStream) e.__testkitStream = e.captureStream();
    return e.__testkitStream.getAudioTracks();
  };
  const listen = () => {
    if (!ears) {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 8192;
      analyser.smoothingTimeConstant = 0;
      ears = { context, analyser, bins: new Float32Array(analyser.frequencyBinCount) };
    }
    if (ears.context.state === "suspended") ears.context.resume();
    const now = new Set();
    for (const e of audible())
      for (const track of tracksOf(e)) {
        now.add(track);
        if (tapped.has(track)) continue;
        const source = ears.context.createMediaStreamSource(new MediaStream([track]));
        source.connect(ears.analyser);
        tapped.set(track, source);
        track.addEventListener("ended", () => source.disconnect());
      }
    return now.size;
  };
  const tones = (frequencies) => {
    const sources = listen();
    ears.analyser.getFloatFrequencyData(ears.bins);
    const width = ears.context.sampleRate / ears.analyser.fftSize;
    const levels = frequencies.map((f) => {
      const at = Math.round(f / width);
      let best = -200;
      for (let i = at - 2; i <= at + 2; i++) best = Math.max(best, ears.bins[i] ?? -200);
      return Number.isFinite(best) ? best : -200;
    });
    return { sources, levels, state: ears.context.state };
  };

  window.__testkit = { all, one, frame, watch, watched, tones };
})();
