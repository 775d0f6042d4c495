package keyqueue

import (
	"context"
	"errors"
	"testing"
	"time"
)

// push feeds a string in which an upper-case letter is an Entry; every letter
// is one byte and one second.
func push(q *Queue[rune], start int, s string) (dropped int) {
	for i, r := range s {
		dropped += q.Push(r, Meta{Entry: r >= 'A' && r <= 'Z', Bytes: 1, At: time.Duration(start+i) * time.Second})
	}
	return dropped
}

func drain(q *Queue[rune]) string {
	var s []rune
	for {
		r, ok := q.TryPop()
		if !ok {
			return string(s)
		}
		s = append(s, r)
	}
}

func TestPushDropsToKey(t *testing.T) {
	tests := []struct {
		name    string
		limits  Limits
		in      string
		out     string
		dropped int
	}{
		{"nothing before the first key", Limits{}, "abKcd", "Kcd", 2},
		{"no limit keeps all", Limits{}, "KabKcd", "KabKcd", 0},
		{"full cuts to the newest key", Limits{Items: 4}, "KabKc", "Kc", 3},
		{"a group too long goes whole and waits", Limits{Items: 3}, "KabcdefLg", "Lg", 7},
		{"bytes limit", Limits{Bytes: 4}, "KabLc", "Lc", 3},
		{"time limit", Limits{Span: 3 * time.Second}, "KabLc", "Lc", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := New[rune](tt.limits)
			dropped := push(q, 0, tt.in)
			if out := drain(q); out != tt.out || dropped != tt.dropped {
				t.Fatalf("got %q, %d dropped; want %q, %d", out, dropped, tt.out, tt.dropped)
			}
			if _, bytes, _, total := q.Stats(); bytes != 0 || total != uint64(tt.dropped) {
				t.Fatalf("after draining: %d bytes, %d dropped", bytes, total)
			}
		})
	}
}

func TestRewindStarveSkip(t *testing.T) {
	q := New[rune](Limits{})
	push(q, 0, "KabLcd")
	if n := q.Rewind(); n != 3 {
		t.Fatalf("Rewind dropped %d, want 3", n)
	}
	if n := q.Rewind(); n != 0 {
		t.Fatalf("second Rewind dropped %d, want 0", n)
	}
	if r, _ := q.TryPop(); r != 'L' {
		t.Fatalf("first after Rewind is %q", r)
	}
	push(q, 6, "Me")
	if n := q.SkipToEntry(); n != 2 {
		t.Fatalf("SkipToEntry dropped %d, want 2", n)
	}
	if n := q.Starve(); n != 2 {
		t.Fatalf("Starve dropped %d, want 2", n)
	}
	push(q, 8, "fgNh")
	if out := drain(q); out != "Nh" {
		t.Fatalf("after Starve got %q", out)
	}
	push(q, 12, "ij")
	q.SkipToEntry()
	push(q, 14, "kO")
	if out := drain(q); out != "O" {
		t.Fatalf("after SkipToEntry without key got %q", out)
	}
}

func TestPopWaitsAndCloses(t *testing.T) {
	q := New[rune](Limits{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Pop(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Pop with cancelled context: %v", err)
	}
	got := make(chan rune)
	go func() {
		for {
			r, err := q.Pop(context.Background())
			if err != nil {
				close(got)
				return
			}
			got <- r
		}
	}()
	push(q, 0, "Kab")
	q.Close()
	if n := push(q, 3, "L"); n != 1 {
		t.Fatal("a closed queue took an item")
	}
	var s string
	for r := range got {
		s += string(r)
	}
	if s != "Kab" || !q.Closed() {
		t.Fatalf("popped %q, closed %v", s, q.Closed())
	}
}
