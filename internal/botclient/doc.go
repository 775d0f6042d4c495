// Package botclient is a headless participant: a client of Meetcast's signaling
// protocol (package wire) on a lean WebRTC stack (package light). Load tests run hundreds of
// bots in one process; end-to-end tests use one where a browser would be too
// heavy or not exact enough.
//
//	Dial: WebSocket → join → joined → offer (sendonly tracks, recvonly slots)
//	      → answer → ICE, DTLS → media both ways
//
// A bot behaves on the wire as a browser does: it numbers what it sends for
// congestion control, answers retransmission and key-frame requests, asks for
// packets it misses, and reports what it received. It decodes nothing.
//
// Package botclient is for tests and the load test. The server never imports it.
package botclient
