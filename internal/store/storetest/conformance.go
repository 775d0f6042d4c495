package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// Run checks that the stores made by open behave as package store promises.
// Each case gets an empty store of its own; open arranges for its closing.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	cases := []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"get what was put", testPut},
		{"create only once", testCreate},
		{"update by revision", testUpdate},
		{"delete", testDelete},
		{"prefixes are whole tokens", testPrefix},
		{"refuse malformed keys", testKeys},
		{"bound values", testValues},
		{"one of many writers wins", testRace},
		{"watch", testWatch},
		{"watch stops", testWatchStop},
		{"watch stops with much to come", testWatchStopFull},
		{"cancelled context", testCancel},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func context10(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func testPut(t *testing.T, s store.Store) {
	ctx := context10(t)
	wantErr(t, "get of nothing", second(s.Get(ctx, "a.b")), store.ErrNotFound)
	first := must(s.Put(ctx, "a.b", []byte("one")))(t)
	again := must(s.Put(ctx, "a.b", []byte("two")))(t)
	if first == 0 || again <= first {
		t.Errorf("revisions %d, %d do not grow from 1", first, again)
	}
	e := must(s.Get(ctx, "a.b"))(t)
	if e.Key != "a.b" || string(e.Value) != "two" || e.Revision != again {
		t.Errorf("got %q=%q at %d", e.Key, e.Value, e.Revision)
	}
	if age := time.Since(e.Created); age < -time.Minute || age > time.Minute {
		t.Errorf("created %v ago", age)
	}
	must(s.Put(ctx, "empty", nil))(t)
	if e := must(s.Get(ctx, "empty"))(t); len(e.Value) != 0 {
		t.Errorf("empty value came back as %q", e.Value)
	}
	if _, err := s.Get(ctx, "A.b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("keys are not case-sensitive: %v", err)
	}
}

func testCreate(t *testing.T, s store.Store) {
	ctx := context10(t)
	must(s.Create(ctx, "k", []byte("one")))(t)
	wantErr(t, "second create", second(s.Create(ctx, "k", []byte("two"))), store.ErrExists)
	if e := must(s.Get(ctx, "k"))(t); string(e.Value) != "one" {
		t.Errorf("the refused create wrote %q", e.Value)
	}
	wantErr(t, "delete", s.Delete(ctx, "k"), nil)
	must(s.Create(ctx, "k", []byte("three")))(t)
	if e := must(s.Get(ctx, "k"))(t); string(e.Value) != "three" {
		t.Errorf("create after delete gave %q", e.Value)
	}
}

func testUpdate(t *testing.T, s store.Store) {
	ctx := context10(t)
	rev := must(s.Create(ctx, "k", []byte("one")))(t)
	next := must(s.Update(ctx, "k", []byte("two"), rev))(t)
	wantErr(t, "stale update", second(s.Update(ctx, "k", []byte("x"), rev)), store.ErrConflict)
	wantErr(t, "update of revision 0", second(s.Update(ctx, "k", []byte("x"), 0)), store.ErrConflict)
	wantErr(t, "update of an absent key", second(s.Update(ctx, "absent", []byte("x"), next)), store.ErrConflict)
	wantErr(t, "update of an absent key from 0", second(s.Update(ctx, "absent", []byte("x"), 0)), store.ErrConflict)
	if e := must(s.Get(ctx, "k"))(t); string(e.Value) != "two" || e.Revision != next {
		t.Errorf("got %q at %d, want two at %d", e.Value, e.Revision, next)
	}
	wantErr(t, "delete", s.Delete(ctx, "k"), nil)
	wantErr(t, "update after delete", second(s.Update(ctx, "k", []byte("x"), next)), store.ErrConflict)
}

func testDelete(t *testing.T, s store.Store) {
	ctx := context10(t)
	wantErr(t, "delete of nothing", s.Delete(ctx, "k"), nil)
	must(s.Put(ctx, "k", []byte("v")))(t)
	must(s.Put(ctx, "k.sub", []byte("v")))(t)
	wantErr(t, "delete", s.Delete(ctx, "k"), nil)
	wantErr(t, "second delete", s.Delete(ctx, "k"), nil)
	wantErr(t, "get", second(s.Get(ctx, "k")), store.ErrNotFound)
	wantKeys(t, s, "", "k.sub")
}

func testPrefix(t *testing.T, s store.Store) {
	ctx := context10(t)
	wantKeys(t, s, "")
	for _, key := range []string{"b.2", "b.1.x", "b", "bb.1", "c.1", "b.10"} {
		must(s.Put(ctx, key, []byte("="+key)))(t)
	}
	must(s.Put(ctx, "b.2", []byte("again")))(t)
	wantKeys(t, s, "", "b", "b.1.x", "b.10", "b.2", "bb.1", "c.1")
	wantKeys(t, s, "b", "b.1.x", "b.10", "b.2")
	wantKeys(t, s, "b.1", "b.1.x")
	wantKeys(t, s, "nothing.here")
	entries := must(s.List(ctx, "b"))(t)
	var got []string
	for _, e := range entries {
		got = append(got, string(e.Value))
		if one := must(s.Get(ctx, e.Key))(t); one.Revision != e.Revision {
			t.Errorf("list says %s is at %d, get says %d", e.Key, e.Revision, one.Revision)
		}
	}
	if want := []string{"=b.1.x", "=b.10", "again"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func testKeys(t *testing.T, s store.Store) {
	ctx := context10(t)
	must(s.Put(ctx, strings.Repeat("k", store.MaxKey), nil))(t)
	for _, key := range []string{
		"", ".", ".a", "a.", "a..b", "a b", "a.*", "a.>", "*", ">", "ä", "a/b", "a\nb", "a=b", "$JS.API",
		strings.Repeat("k", store.MaxKey+1),
	} {
		wantErr(t, fmt.Sprintf("get %.20q", key), second(s.Get(ctx, key)), store.ErrKey)
		wantErr(t, fmt.Sprintf("put %.20q", key), second(s.Put(ctx, key, nil)), store.ErrKey)
		wantErr(t, fmt.Sprintf("create %.20q", key), second(s.Create(ctx, key, nil)), store.ErrKey)
		wantErr(t, fmt.Sprintf("update %.20q", key), second(s.Update(ctx, key, nil, 1)), store.ErrKey)
		wantErr(t, fmt.Sprintf("delete %.20q", key), s.Delete(ctx, key), store.ErrKey)
		if key == "" {
			continue // a valid prefix
		}
		wantErr(t, fmt.Sprintf("keys %.20q", key), second(s.Keys(ctx, key)), store.ErrKey)
		wantErr(t, fmt.Sprintf("list %.20q", key), second(s.List(ctx, key)), store.ErrKey)
		_, err := s.Watch(ctx, key, func(store.Event) {})
		wantErr(t, fmt.Sprintf("watch %.20q", key), err, store.ErrKey)
	}
}

func testValues(t *testing.T, s store.Store) {
	ctx := context10(t)
	big := bytes.Repeat([]byte{0, 255, '\n'}, store.MaxValue)[:store.MaxValue]
	rev := must(s.Put(ctx, "big", big))(t)
	if e := must(s.Get(ctx, "big"))(t); !bytes.Equal(e.Value, big) {
		t.Errorf("a value of %d bytes came back as %d bytes", len(big), len(e.Value))
	}
	big = append(big, 0)
	wantErr(t, "put", second(s.Put(ctx, "big", big)), store.ErrTooLarge)
	wantErr(t, "create", second(s.Create(ctx, "bigger", big)), store.ErrTooLarge)
	wantErr(t, "update", second(s.Update(ctx, "big", big, rev)), store.ErrTooLarge)
}

// testRace lets writers add to one counter, once by Create and then by Update.
func testRace(t *testing.T, s store.Store) {
	ctx := context10(t)
	const writers = 8
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				e, err := s.Get(ctx, "n")
				if errors.Is(err, store.ErrNotFound) {
					_, err = s.Create(ctx, "n", []byte{1})
				} else if err == nil {
					_, err = s.Update(ctx, "n", []byte{e.Value[0] + 1}, e.Revision)
				}
				switch {
				case err == nil:
					return
				case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists):
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if e := must(s.Get(ctx, "n"))(t); e.Value[0] != writers {
		t.Errorf("%d writers counted to %d", writers, e.Value[0])
	}
}

func testWatch(t *testing.T, s store.Store) {
	ctx := context10(t)
	must(s.Put(ctx, "w.old", []byte("1")))(t)
	must(s.Put(ctx, "other", []byte("1")))(t)
	events := make(chan string, 100)
	stop, err := s.Watch(ctx, "w", func(ev store.Event) {
		events <- fmt.Sprintf("%s=%s deleted=%v", ev.Key, ev.Value, ev.Deleted)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	must(s.Put(ctx, "w.new", []byte("2")))(t)
	must(s.Put(ctx, "ww.new", []byte("2")))(t)
	must(s.Put(ctx, "w.old", []byte("3")))(t)
	wantErr(t, "delete", s.Delete(ctx, "w.new"), nil)
	for _, want := range []string{
		"w.old=1 deleted=false", "w.new=2 deleted=false", "w.old=3 deleted=false", "w.new= deleted=true",
	} {
		select {
		case got := <-events:
			if got != want {
				t.Errorf("event %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("no event %q", want)
		}
	}
}

func testWatchStop(t *testing.T, s store.Store) {
	ctx := context10(t)
	var mu sync.Mutex
	seen := 0
	one := make(chan struct{}, 1000)
	stop, err := s.Watch(ctx, "", func(store.Event) {
		mu.Lock()
		seen++
		mu.Unlock()
		one <- struct{}{}
	})
	if err != nil {
		t.Fatal(err)
	}
	must(s.Put(ctx, "a", nil))(t)
	select {
	case <-one:
	case <-ctx.Done():
		t.Fatal("no event")
	}
	stop()
	stop()
	mu.Lock()
	before := seen
	mu.Unlock()
	must(s.Put(ctx, "a", nil))(t)
	must(s.Get(ctx, "a"))(t)
	mu.Lock()
	defer mu.Unlock()
	if seen != before {
		t.Errorf("%d events after stop", seen-before)
	}
}

// testWatchStopFull stops a watch that has not taken what is queued for it; the
// goroutines behind it must end all the same, which the package's leak check
// sees.
func testWatchStopFull(t *testing.T, s store.Store) {
	ctx := context10(t)
	const many = 600
	for i := range many {
		must(s.Put(ctx, fmt.Sprintf("many.%d", i), nil))(t)
	}
	first, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	seen := 0
	stop, err := s.Watch(ctx, "many", func(store.Event) {
		seen++
		once.Do(func() { close(first) })
		<-proceed
	})
	if err != nil {
		t.Fatal(err)
	}
	<-first
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(proceed)
	<-stopped
	if seen == 0 || seen > many {
		t.Errorf("%d events of %d", seen, many)
	}
	if keys := must(s.Keys(ctx, "many"))(t); len(keys) != many {
		t.Errorf("%d keys of %d", len(keys), many)
	}
}

func testCancel(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "get", second(s.Get(ctx, "k")), context.Canceled)
	wantErr(t, "put", second(s.Put(ctx, "k", nil)), context.Canceled)
	wantErr(t, "list", second(s.List(ctx, "k")), context.Canceled)
}

func wantKeys(t *testing.T, s store.Store, prefix string, want ...string) {
	t.Helper()
	if got := must(s.Keys(context10(t), prefix))(t); !slices.Equal(got, want) {
		t.Errorf("keys under %q: %q, want %q", prefix, got, want)
	}
}

// wantErr checks by errors.Is; a nil want means success.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
