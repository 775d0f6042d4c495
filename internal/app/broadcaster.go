package app

import (
	"context"
	"errors"
	"net/url"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// broadcaster lets signaling control the egress manager.
type broadcaster struct {
	manager *egress.Manager
	links   links
	// defaultDestination is pushed to when a moderator names none; may be empty.
	// {stream} stands for the stream's name.
	defaultDestination func(stream string) string
}

// links makes the links to a broadcast. Without a public URL they have no host:
// a page completes them with its own.
type links struct {
	publicURL string
	rtmpHost  string // "host:port" or ":port"
}

func (l links) live(stream string) string {
	return l.publicURL + "/nanoplayer/release/nanoplayer.html?bintu.streamname=" + url.QueryEscape(stream)
}

func (l links) vod(file string) string { return l.publicURL + "/vod/" + url.PathEscape(file) }

func (l links) ingest(stream string) string {
	return "rtmp://" + l.rtmpHost + "/live/" + url.PathEscape(stream)
}

// Start implements signaling.Broadcaster.
func (b broadcaster) Start(ctx context.Context, r signaling.BroadcastRequest) (signaling.BroadcastStatus, error) {
	destination := r.Destination
	if destination == "" {
		destination = b.defaultDestination(r.Stream)
	}
	s, err := b.manager.Start(ctx, egress.Request{
		Room: r.Room, Stream: r.Stream, Record: r.Record, Layout: r.Layout, Destination: destination,
	})
	return b.status(s), broadcastError(err)
}

// Stop implements signaling.Broadcaster.
func (b broadcaster) Stop(ctx context.Context, room track.RoomID) (signaling.BroadcastStatus, error) {
	s, err := b.manager.Stop(ctx, room)
	return b.status(s), broadcastError(err)
}

// SetLayout implements signaling.Broadcaster.
func (b broadcaster) SetLayout(room track.RoomID, layout string) error {
	return broadcastError(b.manager.SetLayout(room, layout))
}

// Status implements signaling.Broadcaster.
func (b broadcaster) Status(room track.RoomID) signaling.BroadcastStatus {
	return b.status(b.manager.Status(room))
}

// Watch implements signaling.Broadcaster.
func (b broadcaster) Watch(room track.RoomID, changed func(signaling.BroadcastStatus)) (cancel func()) {
	return b.manager.Watch(room, func(s egress.Status) { changed(b.status(s)) })
}

func (b broadcaster) status(s egress.Status) signaling.BroadcastStatus {
	out := signaling.BroadcastStatus{
		State: string(s.State), Reason: s.Reason, Since: s.LiveAt, Record: s.Record, Layout: s.Layout,
	}
	if s.State == egress.Idle || s.State == "" {
		return out
	}
	if out.Reason == "" {
		out.Reason = s.RecordError
	}
	out.Live, out.NanoStream = b.links.live(s.Stream), b.links.ingest(s.Stream)
	if s.VOD != "" {
		out.VOD = b.links.vod(s.VOD)
	}
	for _, d := range s.Destinations {
		out.Destinations = append(out.Destinations, signaling.DestinationStatus{URL: d.Name, State: string(d.Phase), Reason: d.Reason})
	}
	return out
}

// broadcastError sorts an error of the manager for signaling.
func broadcastError(err error) error {
	var e *egress.Error
	if !errors.As(err, &e) {
		return err
	}
	kinds := map[egress.Audience]signaling.Kind{
		egress.Destination: signaling.KindDestination,
		egress.Unavailable: signaling.KindUnavailable,
		egress.Conflict:    signaling.KindConflict,
		egress.NotFound:    signaling.KindNotFound,
		egress.Invalid:     signaling.KindUser,
	}
	kind, ok := kinds[e.Audience]
	if !ok {
		return err
	}
	return signaling.NewError(kind, e.Message, err)
}
