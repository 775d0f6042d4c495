package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestReception(t *testing.T) {
	r := reception{rate: 90000}
	at := time.Unix(1000, 0)
	if _, ok := r.block(7, at); ok {
		t.Fatal("a report on nothing")
	}
	// 100 packets across the wrap of the numbers, one in ten lost, one twice.
	seq := uint16(65500)
	for i := range uint16(100) {
		if i%10 != 5 {
			r.arrived(seq+i, uint32(i)*900, at.Add(time.Duration(i)*10*time.Millisecond))
		}
	}
	r.arrived(seq+50, 50*900, at.Add(time.Second))
	r.told(0x0123456789abcdef, at.Add(time.Second))
	b, ok := r.block(7, at.Add(1500*time.Millisecond))
	want := rtcp.ReceptionReport{SSRC: 7, FractionLost: 9 * 256 / 100, TotalLost: 9, LastSequenceNumber: 1<<16 + (65500+99)&0xffff,
		LastSenderReport: 0x456789ab, Delay: 32768}
	b.Jitter = 0
	if !ok || b != want {
		t.Fatalf("%+v, want %+v", b, want)
	}
	if b, _ := r.block(7, at); b.FractionLost != 0 || b.TotalLost != 9 {
		t.Fatalf("nothing since: %+v", b)
	}
	// The numbering begins anew.
	r.arrived(seq+20000, 0, at)
	if b, _ := r.block(7, at); b.TotalLost != 0 || b.LastSequenceNumber != uint32(seq+20000) {
		t.Fatalf("anew: %+v", b)
	}
}

func TestReceptionJitter(t *testing.T) {
	r := reception{rate: 90000}
	at := time.Unix(1000, 0)
	for i := range uint16(500) {
		late := time.Duration(i%2) * 4 * time.Millisecond // 360 units, every other time
		r.arrived(i, uint32(i)*1800, at.Add(time.Duration(i)*20*time.Millisecond+late))
	}
	if b, _ := r.block(7, at); b.Jitter < 350 || b.Jitter > 365 {
		t.Fatalf("jitter %d", b.Jitter)
	}
}

// The reports on all slots that there may be do not fit into one packet.
func TestReportsFitThePath(t *testing.T) {
	p, c := newBarePeer(t, &heard{})
	var pkts []rtcp.Packet
	for i := range uint32(16 + 49) {
		pkts = append(pkts, &rtcp.SenderReport{SSRC: i + 1})
	}
	p.sendRTCP(append(pkts, p.description()))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) != len(pkts)+1 || c.longest > maxRTCP {
		t.Fatalf("%d packets in at most %d bytes", len(c.told), c.longest)
	}
}
