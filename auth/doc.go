// Package auth makes and checks the tokens with which people enter a room.
//
// A token is a JWT (RFC 7519) signed RS256 with a key that lives in the data
// directory; its "kid" names the key, whose public half is in the JWKS
// (RFC 7517). Two kinds exist and look alike:
//
//	API key ──> room token ──> invite token ──> invite token …
//	            (Tokens.Room)  (Tokens.Invite, by a moderator's token)
//
// An invite inherits organisation, room, stream and server from the token that
// made it and may only narrow time and role.
//
// What a client did wrong comes back as *Error with an audience (Kind) that
// maps to a status and a sentence for people; any other error is the server's
// own fault.
package auth
