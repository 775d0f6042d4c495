// Package room holds who is in a room and who gets to see and hear whom. It
// knows members, not sockets: a member is told what happens through its Client
// and moves media through track.Up and track.Down.
//
//	session --typed action--> [inbox] --> loop (one goroutine per room)
//	peer    --Publish-------> [     ]      |-- Client.Notify(Event)   must not block
//	                                       |-- Down.Bind              must not block
//	                                       `-- Observer.RoomChanged   must not block
//
// Only the loop touches the state of a room. Everybody else posts actions into
// its inbox. The inbox is unbounded, for control only: what feeds it is bounded
// before (a session's rate limit, the m-lines of a peer), and a publisher's
// goroutine must never wait for a room.
//
// Changes are collected and told at most once per Config.Batch: a hundred people
// who join at once cost each member a few messages and not a hundred.
package room
