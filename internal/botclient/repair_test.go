package botclient

import (
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

func TestRepairIDs(t *testing.T) {
	info := &interceptor.StreamInfo{SSRC: 1, SSRCRetransmission: 2, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{
		{URI: uriRID, ID: 3}, {URI: uriRepairRID, ID: 4}}}
	var rid, rrid string
	w := (&repairIDs{}).BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, _ []byte, _ interceptor.Attributes) (int, error) {
		rid, rrid = string(h.GetExtension(3)), string(h.GetExtension(4))
		return 0, nil
	}))
	for _, c := range []struct {
		ssrc      uint32
		rid, rrid string
	}{{1, "q", ""}, {2, "", "q"}} {
		h := &rtp.Header{SSRC: c.ssrc}
		if err := h.SetExtension(3, []byte("q")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(h, nil, nil); err != nil {
			t.Fatal(err)
		}
		if rid != c.rid || rrid != c.rrid {
			t.Errorf("SSRC %d goes out with rid %q and rrid %q", c.ssrc, rid, rrid)
		}
		if string(h.GetExtension(3)) != "q" {
			t.Error("the caller's header was changed")
		}
	}
}
