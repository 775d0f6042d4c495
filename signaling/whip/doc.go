// Package whip opens rooms and programmes to everything that speaks WebRTC over
// HTTP: WHIP brings an encoder into a room as a member like any other (RFC 9725),
// WHEP plays one participant or a programme out (draft-ietf-wish-whep).
//
//	encoder, player                 Server                  room, programme
//	   │ POST offer (Bearer token)    │                           │
//	   ├─────────────────────────────>│ join, or observe ────────>│
//	   │<─────────────────────────────┤                           │
//	   │ 201 answer, Location, ETag   │                           │
//	   │ PATCH candidates, restart    │                           │
//	   ├─────────────────────────────>│ session                   │
//	   │ DELETE                       │                           │
//	   ├─────────────────────────────>│ leave ───────────────────>│
//
// A session is what Location names. One goroutine owns it from the answer to its
// end: by DELETE, by a kick, with the participant or programme it plays, or when
// nothing has come over its transport for Config.ConnectTimeout.
//
// Locks: session.negotiating before session.mu; Server.mu is held alone, and
// neither of them while a room or a peer is called.
package whip
