/** The media source of this browser: plain, or managed (iPhone). */

type MediaSourceClass = typeof MediaSource;

declare global {
  interface Window {
    ManagedMediaSource?: MediaSourceClass;
  }
}

/** mediaSourceClass prefers the managed one: where it exists it saves battery. */
export function mediaSourceClass(): MediaSourceClass | undefined {
  return window.ManagedMediaSource ?? window.MediaSource;
}

/** mimeOf names the type of an fMP4 stream with these codecs. */
export function mimeOf(codecs: string): string {
  return `video/mp4; codecs="${codecs}"`;
}

/** What every broadcast is, until its init tells more exactly. */
const usualCodecs = "avc1.42C01F,mp4a.40.2";

/** canPlayFragments tells whether fMP4 can be fed to this browser by script. */
export function canPlayFragments(codecs = usualCodecs): boolean {
  return mediaSourceClass()?.isTypeSupported(mimeOf(codecs)) ?? false;
}

/** rangesOf copies TimeRanges. */
export function rangesOf(ranges: TimeRanges): { start: number; end: number }[] {
  return Array.from({ length: ranges.length }, (_, i) => ({ start: ranges.start(i), end: ranges.end(i) }));
}
