package whip

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// polish makes an answer such that simple encoders understand it: those that
// take one candidate take the first, which therefore is the one that most
// probably works for them, UDP on IPv4. Sound and picture become one stream
// (RFC 8830), so that players keep lips and voice together: other than the slots
// of a page they always are of one source.
func polish(answer string) string {
	var desc sdp.SessionDescription
	if desc.UnmarshalString(answer) != nil {
		return answer
	}
	for _, m := range desc.MediaDescriptions {
		var places []int
		var list []sdp.Attribute
		for i, a := range m.Attributes {
			if _, id, ok := strings.Cut(a.Value, " "); a.Key == "msid" && ok {
				m.Attributes[i].Value = streamName + " " + id
			}
			if _, id, ok := strings.Cut(a.Value, " msid:"); a.Key == "ssrc" && ok {
				ssrc, _, _ := strings.Cut(a.Value, " ")
				_, id, _ = strings.Cut(id, " ")
				m.Attributes[i].Value = ssrc + " msid:" + streamName + " " + id
			}
			if a.Key == sdp.AttrKeyCandidate {
				places, list = append(places, i), append(list, a)
			}
		}
		slices.SortStableFunc(list, func(a, b sdp.Attribute) int { return rank(a.Value) - rank(b.Value) })
		for i, at := range places {
			m.Attributes[at] = list[i]
		}
	}
	b, err := desc.Marshal()
	if err != nil {
		return answer
	}
	return string(b)
}

// streamName is the one stream of an answer.
const streamName = "meetcast"

// rank orders candidates (RFC 8839 §5.1): UDP before TCP, IPv4 before IPv6.
func rank(candidate string) int {
	f := strings.Fields(candidate)
	if len(f) < 5 {
		return 4
	}
	n := 0
	if !strings.EqualFold(f[2], "udp") {
		n += 2
	}
	if strings.Contains(f[4], ":") {
		n++
	}
	return n
}
