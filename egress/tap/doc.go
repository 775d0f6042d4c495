// Package tap listens to the tracks of a room as a hidden member does: packets
// are put in order, made into frames, and placed on the server's clock.
//
//	UpTrack --> Video: reorder -> depacketise -> frame with capture time
//	        \-> Voice: reorder -> decode Opus -> ring, read at the output clock
//
// All times are durations on the server's monotonic clock since the broadcast
// began. Every member has one Publisher clock, which maps RTP timestamps of all
// its tracks (through RTCP sender reports once there are any) onto that clock,
// and says by how much its media is delayed so that late packets still arrive.
package tap
