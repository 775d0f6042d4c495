// Package signaling speaks the protocol of docs/protocol.md with the pages: a
// session for each member, which lives as long as the member does and outlives
// its sockets.
//
//	socket --request--> session --action--> room       (sfu/room)
//	                     |   \--offer-----> Peer       (sfu, through PeerFactory)
//	                     |    \--start----> Broadcaster (egress, through app)
//	socket <--message-- session <--event--- room, hub
//
// A socket has two goroutines: the HTTP handler that reads and a writer
// (signaling/ws). A session has one, which negotiates. A broadcast request has
// one of its own, for it may take long.
//
// Locks, in the order in which they may be held: hub.mu or ear.mu and layers.mu,
// session.mu, and what posting to a room or sending on a socket takes inside;
// Server.mu is held alone.
package signaling
