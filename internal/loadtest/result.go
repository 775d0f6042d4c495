package loadtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what a load test found. Its JSON form is stable: names carry their
// units.
type Result struct {
	Target      string  `json:"target"`
	Rooms       int     `json:"rooms"`
	Publishers  int     `json:"publishers"`  // in all rooms
	Subscribers int     `json:"subscribers"` // in all rooms
	Video       string  `json:"video"`
	Simulcast   bool    `json:"simulcast"`
	Measured    float64 `json:"measured_s"`
	// Interrupted is true when the test was stopped early; the figures then
	// cover what was done.
	Interrupted bool `json:"interrupted"`

	View  string `json:"view"`
	Views uint64 `json:"views"` // changes of what receivers asked for

	Joins Joins `json:"joins"`
	// Joining is what those who were in felt while subscribers joined.
	Joining Disturbance `json:"joining"`
	// Steps of the ramp; the last one is the measured time itself.
	Steps  []Step  `json:"steps"`
	Media  Media   `json:"media"`
	Server *Server `json:"server,omitempty"` // nil unless it is local

	Broadcasts []Broadcast `json:"broadcasts,omitempty"`
	Viewers    []Viewer    `json:"viewers,omitempty"`
	Broken     []string    `json:"broken_limits,omitempty"`
	// ClientCPU is what the bots took, percent of one core: near 100 × cores,
	// the figures show the bots and not the server.
	ClientCPU float64 `json:"client_cpu_percent"`
	// Notes say what could not be measured, and why.
	Notes []string `json:"notes,omitempty"`
}

// Joins is about getting in.
type Joins struct {
	Wanted int `json:"wanted"`
	Done   int `json:"done"`
	Failed int `json:"failed"`
	// Connected: from the WebSocket's dial to ICE and DTLS being up.
	ConnectedP50 float64 `json:"connected_p50_ms"`
	ConnectedP95 float64 `json:"connected_p95_ms"`
	// Media: from the WebSocket's dial to the first media packet.
	MediaP50 float64 `json:"media_p50_ms"`
	MediaP95 float64 `json:"media_p95_ms"`
	// NoMedia is how many receivers never got a packet.
	NoMedia int `json:"no_media"`
	// Errors counts the reasons of failed joins.
	Errors map[string]int `json:"errors,omitempty"`
}

// Media is about what flowed in the measured time.
type Media struct {
	PacketsIn  uint64  `json:"packets_in"`  // sent by publishers
	PacketsOut uint64  `json:"packets_out"` // received by everyone
	BitrateIn  float64 `json:"bitrate_in_bps"`
	BitrateOut float64 `json:"bitrate_out_bps"`
	// Lost never came, Recovered came late (retransmitted or reordered).
	Lost        uint64  `json:"lost"`
	LossPercent float64 `json:"loss_percent"`
	Recovered   uint64  `json:"recovered"`
	// LateSlots had no packet for over a second while bound, LateEvents is how often.
	LateSlots  int    `json:"late_slots"`
	LateEvents uint64 `json:"late_events"`
	// LongestGap of a slot that was bound.
	LongestGap       float64 `json:"longest_gap_ms"`
	Freezes          uint64  `json:"freezes"`
	Frozen           float64 `json:"frozen_s"`
	KeyFrameRequests uint64  `json:"key_frame_requests"` // that reached publishers
	// Pictures apart by more than that, of what a slot carried.
	Over200  uint64 `json:"freezes_over_200ms"`
	Over500  uint64 `json:"freezes_over_500ms"`
	Over1000 uint64 `json:"freezes_over_1s"`
	// Latency: from a frame's sending to its being whole at a viewer.
	LatencyP50 float64 `json:"latency_p50_ms"`
	LatencyP95 float64 `json:"latency_p95_ms"`
	LatencyP99 float64 `json:"latency_p99_ms"`
	// Foreign pictures came from somebody else than the slot map said.
	Foreign uint64 `json:"foreign_frames"`
	// Concealed sound came as a redundant copy only; Skipped packets were given
	// up because a key frame made them needless.
	Concealed uint64 `json:"concealed"`
	Skipped   uint64 `json:"skipped"`
	// Overflows were dropped by the kernel because this process was too slow,
	// DroppedOnPurpose by the loss that was asked for.
	Overflows        uint64 `json:"overflows"`
	Undecipherable   uint64 `json:"undecipherable"`
	DroppedOnPurpose uint64 `json:"dropped_on_purpose"`
	// PausedLayers are those that publishers do not send now: nobody watches.
	PausedLayers   int `json:"paused_layers"`
	Renegotiations int `json:"renegotiations"`
	// Switch: from the slot map's message to the first picture that decodes.
	SwitchP50 float64 `json:"switch_p50_ms"`
	SwitchP95 float64 `json:"switch_p95_ms"`
	// Bind: from the slot map's message to the first packet of the new source.
	BindP50 float64 `json:"bind_p50_ms"`
	BindP95 float64 `json:"bind_p95_ms"`
	// Signaling messages received by all, each second.
	Messages float64 `json:"signaling_messages_per_s"`
	// LateFrames were sent late or followed by a gap: this machine is too slow for so
	// many publishers, whose cameras then leave frames out.
	LateFrames uint64 `json:"late_frames"`
}

// Disturbance is what joins do to others.
type Disturbance struct {
	Packets     uint64  `json:"packets_out"`
	Lost        uint64  `json:"lost"`
	LossPercent float64 `json:"loss_percent"`
	Over200     uint64  `json:"freezes_over_200ms"`
	Over500     uint64  `json:"freezes_over_500ms"`
	Over1000    uint64  `json:"freezes_over_1s"`
}

// Step is one group of subscribers more.
type Step struct {
	Members      int     `json:"members"`
	ConnectedP95 float64 `json:"connected_p95_ms"` // of all so far
	LossPercent  float64 `json:"loss_percent"`
	Over500      uint64  `json:"freezes_over_500ms"`
	LatencyP95   float64 `json:"latency_p95_ms"`
	ServerCPU    float64 `json:"server_cpu_percent"`
	CPUPerPacket float64 `json:"cpu_per_packet_us"`
	ClientCPU    float64 `json:"client_cpu_percent"`
}

// String is a line for people.
func (s Step) String() string {
	return fmt.Sprintf("%d members: joins p95 %.0f ms, loss %.3f %%, %d freezes over 500 ms, latency p95 %.1f ms, server %.1f %% CPU, %.2f µs a packet",
		s.Members, s.ConnectedP95, s.LossPercent, s.Over500, s.LatencyP95, s.ServerCPU, s.CPUPerPacket)
}

func (r Result) asStep(members int) Step {
	s := Step{Members: members, ConnectedP95: r.Joins.ConnectedP95, LossPercent: r.Media.LossPercent, Over500: r.Media.Over500,
		LatencyP95: r.Media.LatencyP95, ClientCPU: r.ClientCPU}
	if r.Server != nil {
		s.ServerCPU, s.CPUPerPacket = r.Server.CPU, r.Server.CPUPerPacket
	}
	return s
}

// Viewer is one receiver, over its whole stay.
type Viewer struct {
	Room          int     `json:"room"`
	Name          string  `json:"name"`
	Packets       uint64  `json:"packets"`
	Lost          uint64  `json:"lost"`
	Frames        uint64  `json:"frames"`
	Freezes       uint64  `json:"freezes"`
	Over200       uint64  `json:"freezes_over_200ms"`
	Over500       uint64  `json:"freezes_over_500ms"`
	Over1000      uint64  `json:"freezes_over_1s"`
	LongestFreeze float64 `json:"longest_freeze_ms"`
	LatencyP50    float64 `json:"latency_p50_ms"`
	LatencyP95    float64 `json:"latency_p95_ms"`
	LatencyMax    float64 `json:"latency_max_ms"`
}

// Server is the cost of it.
type Server struct {
	PID          int     `json:"pid"`
	CPU          float64 `json:"cpu_percent"`
	CPUPerPacket float64 `json:"cpu_per_packet_us"` // of PacketsOut
	RSS          int     `json:"rss_kb"`
}

// Table is the result for people.
func (r Result) Table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }

	kind := r.Video
	if r.Simulcast {
		kind += ", simulcast"
	}
	row("target", "%s", r.Target)
	row("load", "%d rooms, %d publishers (%s), %d subscribers", r.Rooms, r.Publishers, kind, r.Subscribers)
	stopped := ""
	if r.Interrupted {
		stopped = " (stopped early)"
	}
	row("measured", "%.1f s%s", r.Measured, stopped)
	row("joins", "%d of %d, %d failed", r.Joins.Done, r.Joins.Wanted, r.Joins.Failed)
	row("connected after", "p50 %.0f ms, p95 %.0f ms", r.Joins.ConnectedP50, r.Joins.ConnectedP95)
	row("first media after", "p50 %.0f ms, p95 %.0f ms; %d without media", r.Joins.MediaP50, r.Joins.MediaP95, r.Joins.NoMedia)
	row("packets", "%d in, %d out", r.Media.PacketsIn, r.Media.PacketsOut)
	row("bitrate", "%s in, %s out", bitrate(r.Media.BitrateIn), bitrate(r.Media.BitrateOut))
	row("loss", "%d packets, %.3f %%; %d recovered, %d concealed by redundant sound, %d dropped on purpose", r.Media.Lost, r.Media.LossPercent,
		r.Media.Recovered, r.Media.Concealed, r.Media.DroppedOnPurpose)
	row("late slots", "%d (%d times); longest gap %.0f ms", r.Media.LateSlots, r.Media.LateEvents, r.Media.LongestGap)
	row("freezes", "%d, %.1f s in all; %d over 200 ms, %d over 500 ms, %d over 1 s", r.Media.Freezes, r.Media.Frozen,
		r.Media.Over200, r.Media.Over500, r.Media.Over1000)
	row("latency", "p50 %.1f ms, p95 %.1f ms, p99 %.1f ms", r.Media.LatencyP50, r.Media.LatencyP95, r.Media.LatencyP99)
	row("slot switch", "p50 %.0f ms, p95 %.0f ms to the first picture; %d pictures of others", r.Media.SwitchP50, r.Media.SwitchP95, r.Media.Foreign)
	row("while joining", "%.3f %% loss, %d freezes over 500 ms for those who were in", r.Joining.LossPercent, r.Joining.Over500)
	row("key frames asked", "%d", r.Media.KeyFrameRequests)
	row("layers paused", "%d", r.Media.PausedLayers)
	row("signaling", "%.1f messages/s, %d renegotiations", r.Media.Messages, r.Media.Renegotiations)
	if len(r.Steps) > 1 {
		for _, s := range r.Steps {
			row("step", "%s", s)
		}
	}
	for _, b := range r.Broadcasts {
		row("broadcast", "%s", b)
	}
	if r.Server != nil {
		row("server CPU", "%.1f %% of a core, %.2f µs a packet sent (process %d, %d MiB)",
			r.Server.CPU, r.Server.CPUPerPacket, r.Server.PID, r.Server.RSS/1024)
	}
	row("client CPU", "%.1f %% of a core; %d packets came too fast for it", r.ClientCPU, r.Media.Overflows)
	for _, reason := range slices.Sorted(maps.Keys(r.Joins.Errors)) {
		row("failed join", "%d × %s", r.Joins.Errors[reason], reason)
	}
	for _, limit := range r.Broken {
		row("limit broken", "%s", limit)
	}
	for _, note := range r.Notes {
		row("note", "%s", note)
	}
	w.Flush()
	return b.String()
}

func bitrate(bps float64) string {
	switch {
	case bps >= 1e9:
		return fmt.Sprintf("%.2f Gbit/s", bps/1e9)
	case bps >= 1e6:
		return fmt.Sprintf("%.2f Mbit/s", bps/1e6)
	}
	return fmt.Sprintf("%.0f kbit/s", bps/1e3)
}

// percentile returns the value below which a share of the durations lies, in
// milliseconds (nearest rank); zero of nothing.
func percentile(values []time.Duration, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	i := min(int(share*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[i].Microseconds()) / 1000
}
