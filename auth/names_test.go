package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/auth"
)

func TestCheckServer(t *testing.T) {
	good := []string{
		"localhost", "meet.example.com", "MEET.example.com:443", "a-b.c1:8080", "192.0.2.7", "192.0.2.7:1",
		"[2001:db8::1]", "[::1]:65535", strings.Repeat("a", 63) + ".de", "7",
	}
	bad := []string{
		"", ":80", "a:", "a:0", "a:080", "a:65536", "a:x", "a:1:2", "a b", "a/b", "a?x", "a#x", "u@a", "http://a",
		"-a", "a-", "a..b", ".a", "a.", "ä.de", "a_b", "[::1", "::1", "[::1]x", "[::1]:", "[::1]:0", "[192.0.2.7]",
		"[fe80::1%eth0]", "[]", "a\n", strings.Repeat("a", 64), strings.Repeat("a.", 128) + "a", "<script>",
	}
	for _, s := range good {
		if err := auth.CheckServer(s); err != nil {
			t.Errorf("%q refused", s)
		}
	}
	for _, s := range bad {
		if err := auth.CheckServer(s); !errors.Is(err, auth.ErrServer) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestCheckStreamName(t *testing.T) {
	for _, s := range []string{"a", "AbCdE-12345", "my_stream", "0", strings.Repeat("x", 64)} {
		if err := auth.CheckStreamName(s); err != nil {
			t.Errorf("%q refused", s)
		}
	}
	for _, s := range []string{"", "-a", "_a", ".", "..", "a.mp4", "a/b", "a b", "ä", "a?x=1", strings.Repeat("x", 65)} {
		if err := auth.CheckStreamName(s); !errors.Is(err, auth.ErrStreamName) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestParseDate(t *testing.T) {
	noon := time.Date(2021, 6, 1, 12, 0, 0, 0, time.UTC)
	good := map[string]time.Time{
		"2021-06-01T12:00":               noon,
		"2021-06-01T12:00:00":            noon,
		"2021-06-01T12:00:00.999":        noon,
		"2021-06-01T12:00Z":              noon,
		"2021-06-01T12:00:00Z":           noon,
		"2021-06-01T12:00:00.000Z":       noon,
		"2021-06-01T12:00:00.123456789Z": noon,
		"2021-06-01T14:00+02:00":         noon,
		"2021-06-01T14:00:00+02:00":      noon,
		"2021-06-01T07:30:00.5-04:30":    noon,
		"2021-06-01T14:00:00+0200":       noon,
		"2021-06-01T14:00+0200":          noon,
		"2024-02-29T00:00":               time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"9999-12-31T23:59:59Z":           time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	for s, want := range good {
		got, err := auth.ParseDate(s)
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "now", "1622548800", "2021-06-01", "2021-06-01 12:00", "2021-06-01T12", "2021-6-1T12:00", "01.06.2021 12:00",
		"2021-02-29T12:00", "2021-13-01T12:00", "2021-06-01T25:00", "2021-06-01T12:60", "2021-06-01T12:00z",
		"2021-06-01T12:00 ", "2021-06-01T12:00+2", "1969-12-31T23:59", "0000-01-01T00:00", "9999-12-31T23:59-10:00",
		"2021-06-01T12:00:00." + strings.Repeat("0", 40),
	} {
		if got, err := auth.ParseDate(s); !errors.Is(err, auth.ErrDate) {
			t.Errorf("%q = %v, %v", s, got, err)
		}
	}
}
