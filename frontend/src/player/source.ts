/** What the picture is, as the source tells it. */
export interface MediaInfo {
  width?: number;
  height?: number;
  fps?: number;
  codecs?: string;
}

/** SourceHost is told what happens; the player is one. */
export interface SourceHost {
  /** Media follows. */
  sourceLive(info: MediaInfo): void;
  /** The broadcast is over or not on yet; the source waits and goes on by itself. */
  sourceOffline(): void;
  /** The connection is lost; the source tries again by itself. */
  sourceLost(reason: string): void;
  /** The stream is not there any more, or not yet: the player asks for it anew. */
  sourceGone(): void;
  /** This way of playing does not work here; the player takes another. */
  sourceFailed(reason: string): void;
  /** The element has been given new media and must be told to play. */
  sourceAttached(): void;
}

/** Figures of a source. */
export interface SourceStats {
  /** Media received, bytes. */
  bytes: number;
  /** Connections made. */
  connects: number;
  /** Buffer ahead that is aimed at, s; undefined when something else steers. */
  target?: number;
}

/** Source feeds a video element with one stream, over one kind of transport. */
export interface Source {
  readonly kind: "whep" | "ws" | "hls";
  /** start connects; it never throws. */
  start(): void;
  /** stop feeds no more and lets go of the network; idempotent. The last picture may stay. */
  stop(): void;
  /** How far the picture is behind the room, ms; undefined until it can be told. */
  latency(): number | undefined;
  stats(): SourceStats;
}
