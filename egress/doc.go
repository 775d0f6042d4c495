// Package egress turns a room into a broadcast: a hidden member listens to the
// room, its pictures and voices are decoded, composed and encoded once, and the
// encoded programme goes to sinks: RTMP pushes, a recorder, a live playout.
//
//	track.Room --> tap --> decode --> compose --> encode --> sinks
//	               (egress/tap) (avproc) (compose)  (avproc)   (rtmp, vod)
//
// A Manager holds the running broadcasts, at most one a room. A job's output
// clock runs from the first frame to the last whatever happens to the room, to
// a child process or to a destination; docs/egress.md tells how.
//
// The package sees rooms through sfu/track only and sinks through the small
// interfaces Push and Recorder, so that it can be tested without either.
package egress
