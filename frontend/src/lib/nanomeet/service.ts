import { fail } from "./failure";
import { request } from "./http";
import { checkApiKey, checkRoomSetUp, checkTokenSetup } from "./setup";
import { checkPeriod, decodeToken, iso } from "./token";

/** An organisation as GET /organisation describes it. */
export interface Organisation {
  id: string;
  name: string;
  /** Whether the organisation may make rooms. */
  nanomeet: boolean;
  webhook?: string;
  [field: string]: unknown;
}

/** An ingest stream as POST /stream makes it. */
export interface StreamInfo {
  id: string;
  created_at: string;
  tags: string[];
  ingest: { rtmp: { url: string; streamname: string } };
  playout: {
    h5live: { id?: string; rtmp: { url: string; streamname: string } }[];
    hls?: unknown[];
    [kind: string]: unknown;
  };
  [field: string]: unknown;
}

/** What createNanoMeetRoom resolves with. */
export interface RoomData {
  /** ISO dates. */
  expiration: string | undefined;
  notbefore: string | undefined;
  moderator: boolean;
  room: string;
  server: string;
  streamname: string | undefined;
  token: string;
}

/** What createInviteToken resolves with. */
export interface InviteData {
  moderator: boolean;
  token: string;
  /** The sample page with the token. */
  inviteLink: string;
}

/** What createNanoStreams resolves with. */
export interface StreamsData {
  streamInfo: StreamInfo;
  /** A page that shows the stream. */
  cloudDashboardLink: string;
}

/** Transcodes of createNanoStreams when none are named. */
const defaultProfiles = ["vtrans2-852x480x800x25", "vtrans2-640x360x400x25"];

/** organisation asks whose key this is. */
export async function organisation(base: string, apiKey: unknown): Promise<Organisation> {
  return request(base, { path: "/organisation", headers: { "x-bintu-apikey": checkApiKey(apiKey) } });
}

/** createRoom makes a room token with an API key. */
export async function createRoom(base: string, apiKey: unknown, setup: unknown): Promise<RoomData> {
  const key = checkApiKey(apiKey);
  const body = checkRoomSetUp(setup, Date.now());
  const token = await makeToken(base, { "x-bintu-apikey": key }, body);
  const payload = decodeToken(token);
  return {
    expiration: iso(payload.exp) ?? (body["exp"] as string | undefined),
    notbefore: iso(payload.nbf) ?? (body["nbf"] as string | undefined),
    moderator: payload.moderator === true,
    room: payload.room,
    server: payload.server ?? (body["server"] as string),
    streamname: payload.streamname,
    token,
  };
}

/** createInvite makes an invite token with a moderator's token. */
export async function createInvite(base: string, token: unknown, setup: unknown): Promise<InviteData> {
  const now = Date.now();
  const payload = decodeToken(token);
  checkPeriod(payload, now);
  if (payload.moderator !== true) fail("Not a moderator", "Only a moderator's token can make invites.");
  const body = { ...checkTokenSetup(setup, now), ...(payload.server ? { server: payload.server } : {}) };
  const invite = await makeToken(base, { "x-bintu-token": token as string }, body);
  return {
    moderator: decodeToken(invite).moderator === true,
    token: invite,
    inviteLink: `${base}/nanomeet-frontend/nanomeet-sample.html?token=${encodeURIComponent(invite)}`,
  };
}

/** createStreams makes an ingest stream with transcodes. */
export async function createStreams(base: string, apiKey: unknown, profiles: unknown): Promise<StreamsData> {
  const key = checkApiKey(apiKey);
  const names = profiles ?? defaultProfiles;
  if (!Array.isArray(names) || names.some((name) => typeof name !== "string" || name === "")) {
    return fail("Invalid profiles", `Pass the transcoding profiles as an array of names, such as "${defaultProfiles[0]}".`);
  }
  const transcodes = (names as string[]).map((profile) => ({ profile, tags: ["nanomeet"] }));
  const streamInfo = await request<StreamInfo>(base, {
    path: "/stream",
    method: "POST",
    headers: { "x-bintu-apikey": key },
    body: { tags: ["nanomeet"], transcodes },
  });
  const name = encodeURIComponent(streamInfo.ingest.rtmp.streamname);
  return { streamInfo, cloudDashboardLink: `${base}/nanoplayer/release/nanoplayer.html?bintu.streamname=${name}` };
}

async function makeToken(base: string, headers: Record<string, string>, body: unknown): Promise<string> {
  const { data } = await request<{ data?: unknown }>(base, { path: "/nanomeet", method: "POST", headers, body });
  return typeof data === "string" ? data : fail("Unexpected answer", "The server did not answer with a token. Check that it is a Meetcast server.");
}
