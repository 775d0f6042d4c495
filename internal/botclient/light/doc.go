// Package light is a WebRTC transport for clients of a server that is ICE-lite:
// it knows one thing to do and does it cheaply, so that one process can play
// hundreds of participants.
//
//	Conn: UDP socket → STUN checks (RFC 8445, controlling, nominating at once)
//	      → DTLS client (RFC 5764) → SRTP both ways
//	Offer, ParseAnswer: the session descriptions of such a client (RFC 8829)
//
// What it leaves out: gathering, TURN, ICE-TCP, roles other than controlling,
// being the DTLS server. A packet costs it one decryption and a look at its
// header; trains of packets are read with one system call (UDP_GRO).
package light
