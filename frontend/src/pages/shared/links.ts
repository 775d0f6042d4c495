/** The addresses of the pages, and the code that embeds them. */

export const helperPath = "/nanomeet-frontend/nanomeet-helper.html";
export const samplePath = "/nanomeet-frontend/nanomeet-sample.html";
export const playerPath = "/nanoplayer/release/nanoplayer.html";

/** sampleLink opens a room with a token on the sample page. */
export function sampleLink(origin: string, token: string): string {
  return `${origin}${samplePath}?token=${encodeURIComponent(token)}`;
}

/** meetingLink opens a room on the meeting page itself. */
export function meetingLink(origin: string, sub: string, room: string, token: string): string {
  return `${origin}/${encodeURIComponent(sub)}/${encodeURIComponent(room)}?jwt=${encodeURIComponent(token)}`;
}

/** embedSnippet is the code that puts a room into somebody's page. */
export function embedSnippet(origin: string, token: string): string {
  return `<div id="meeting" style="height: 640px"></div>
<script src="${origin}/js/nanomeet.js"></script>
<script>
  const meet = new NanoMeet()
  meet.init({ token: "${token}", id: "meeting" })
    .catch(({ error, message }) => console.error(error, message))
</script>`;
}
