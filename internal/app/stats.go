package app

import (
	"net/http"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/internal/metrics"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/netio"
	"github.com/meetcast/meetcast/sfu/transport"
)

// metricsHandler serves /metrics to the addresses that the configuration allows.
func (a *App) metricsHandler() http.Handler {
	allowed := parseProxies(a.cfg.HTTP.MetricsAllow)
	h := metrics.Handler(a.readStats)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !trusted(allowed, r.RemoteAddr) {
			httpjson.Error(w, http.StatusForbidden, "Forbidden", "Metrics are served to the addresses in http.metrics_allow only.")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// readStats reads the counters of every part.
func (a *App) readStats(emit func(metrics.Sample)) {
	value := func(name, help string, v float64, labels ...[2]string) {
		emit(metrics.Sample{Name: name, Help: help, Value: v, Labels: labels})
	}
	rooms, sessions := a.rooms.Stats(), a.signal.Stats()
	value("rooms", "Rooms open.", float64(rooms.Rooms))
	value("members", "Members of all rooms.", float64(rooms.Members))
	value("joins_total", "Members who joined.", float64(rooms.Joins))
	value("resumes_total", "Members who came back after a lost socket.", float64(rooms.Resumes))
	value("kicks_total", "Members removed by a moderator.", float64(rooms.Kicked))
	value("signaling_sockets", "Signaling sockets open.", float64(sessions.Sockets))
	value("signaling_messages_total", "Messages of pages.", float64(sessions.Messages))
	value("signaling_errors_total", "Messages answered by an error.", float64(sessions.Failed))
	value("signaling_crowded_total", "Sockets turned away because too many of their address had not joined.", float64(sessions.Crowded))
	value("signaling_slow_sockets_total", "Sockets closed because the page did not read.", float64(sessions.TooSlow))

	doors := a.doors.Stats()
	value("whip_publishers", "Encoders in rooms by WHIP.", float64(doors.Publishers))
	value("whep_viewers", "Viewers by WHEP.", float64(doors.Viewers))
	value("whip_sessions_total", "Sessions ever opened by WHIP and WHEP.", float64(doors.Opened))
	value("whip_refused_total", "Requests of WHIP and WHEP answered by an error.", float64(doors.Refused))
	value("whip_lost_total", "Sessions of WHIP and WHEP whose transport was lost.", float64(doors.Lost))

	media := a.engine.Stats()
	value("peers", "Media connections of members.", float64(media.Peers))
	value("peers_connected", "Media connections that are up.", float64(media.Connected))
	value("tracks", "Tracks published.", float64(media.Tracks))
	value("rtp_received_packets_total", "RTP packets from publishers.", float64(media.Up.Packets))
	value("rtp_received_bytes_total", "Their payload.", float64(media.Up.Bytes))
	value("rtp_forwarded_packets_total", "RTP packets to subscribers.", float64(media.Down.Packets))
	value("rtp_forwarded_bytes_total", "Their payload.", float64(media.Down.Bytes))
	value("rtp_retransmitted_packets_total", "RTP packets sent again.", float64(media.Down.RTX))
	value("rtp_padding_packets_total", "RTP packets sent to probe.", float64(media.Down.Padding))
	value("key_frame_requests_total", "Key frames asked of publishers.", float64(media.Up.PLIs))
	for d := range forward.Drops {
		value("rtp_dropped_packets_total", "RTP packets not forwarded.", float64(media.Up.Drops[d]),
			[2]string{"direction", "up"}, [2]string{"reason", d.String()})
		value("rtp_dropped_packets_total", "RTP packets not forwarded.", float64(media.Down.Drops[d]),
			[2]string{"direction", "down"}, [2]string{"reason", d.String()})
	}
	value("rtp_unrouted_packets_total", "RTP packets that belong to nothing negotiated.", float64(media.Unrouted))
	value("rtcp_malformed_packets_total", "RTCP packets that could not be read.", float64(media.MalformedRTCP))
	a.readTransport(media.Transport, value)
	value("udp_sent_packets_total", "Packets sent from the media port.", float64(media.Socket.Sent))
	value("udp_sent_messages_total", "Packets and trains of packets for one address.", float64(media.Socket.Messages))
	value("udp_send_calls_total", "System calls that sent them.", float64(media.Socket.Calls))
	value("udp_send_fallbacks_total", "Addresses that take no trains.", float64(media.Socket.Fallbacks))
	value("udp_received_packets_total", "Packets received on the media port.", float64(media.Socket.Received))
	value("udp_receive_calls_total", "System calls that received them.", float64(media.Socket.Reads))
	for d := range netio.Drops {
		value("udp_dropped_packets_total", "Packets that the media port did not send.", float64(media.Socket.Drops[d]),
			[2]string{"reason", d.String()})
	}
	a.readRelay(value)
	a.readBroadcasts(value)
}

// readTransport reads what is below RTP.
func (a *App) readTransport(t transport.Stats, value func(name, help string, v float64, labels ...[2]string)) {
	value("ice_requests_total", "Connectivity checks answered.", float64(t.Requests))
	value("ice_addresses", "Addresses that peers have proved to be theirs.", float64(t.Addresses))
	value("ice_tcp_connections", "TCP connections to the media port.", float64(t.TCP))
	value("dtls_handshakes_total", "DTLS handshakes.", float64(t.Handshakes), [2]string{"result", "done"})
	value("dtls_handshakes_total", "DTLS handshakes.", float64(t.Refused), [2]string{"result", "refused"})
	for d := range transport.Drops {
		value("transport_dropped_packets_total", "Packets that the media transport did not take or send.", float64(t.Drops[d]),
			[2]string{"reason", d.String()})
	}
}

// readBroadcasts reads broadcasts, ingest and playout.
func (a *App) readBroadcasts(value func(name, help string, v float64, labels ...[2]string)) {
	running := a.egress.All()
	value("broadcasts", "Broadcasts running.", float64(len(running)))
	for _, b := range running {
		stream := [2]string{"stream", b.Stream}
		value("broadcast_live", "1 while every destination takes bytes.", flag(b.State == egress.Live), stream)
		value("broadcast_frames_total", "Pictures encoded.", float64(b.Stats.FramesOut), stream)
		value("broadcast_duplicated_frames_total", "Pictures encoded again because the composer was late.", float64(b.Stats.Duplicated), stream)
		value("broadcast_skipped_frames_total", "Pictures left out because the encoder was late.", float64(b.Stats.Skipped), stream)
		value("broadcast_encoder_speed", "Pictures encoded per picture due.", b.Stats.EncoderSpeed, stream)
		value("broadcast_encoder_lag_seconds", "How far the encoder is behind.", b.Stats.EncoderLag.Seconds(), stream)
		value("broadcast_child_crashes_total", "Children that ended without being asked.", float64(b.Stats.DecoderCrashes+b.Stats.EncoderCrashes), stream)
	}
	in := a.ingest.Stats()
	value("ingest_connections", "RTMP connections open.", float64(in.Conns))
	value("ingest_publishers", "RTMP publishers accepted and there.", float64(in.Publishers))
	for reason, n := range in.Refused {
		value("ingest_refused_total", "RTMP publishers refused.", float64(n), [2]string{"reason", reason})
	}
	for _, p := range a.live.Stats() {
		stream := [2]string{"stream", p.Name}
		value("playout_viewers", "Viewers.", float64(p.Viewers), stream, [2]string{"by", "websocket"})
		value("playout_viewers", "Viewers.", float64(p.HLSViewers), stream, [2]string{"by", "hls"})
		value("playout_viewers", "Viewers.", float64(p.Guests), stream, [2]string{"by", "whep"})
		value("playout_dropped_fragments_total", "Fragments that slow viewers did not get.", float64(p.Dropped), stream)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
