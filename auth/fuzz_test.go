package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/auth"
)

// FuzzVerify feeds anything as a token: only our own, unchanged to the last
// character, may count.
func FuzzVerify(f *testing.F) {
	r := newRig(f)
	valid, _ := r.room(f)
	parts := strings.Split(valid, ".")
	for _, seed := range []string{
		"", valid, valid + "=", valid[:len(valid)-1] + "A", parts[0] + ".." + parts[2], parts[0] + "." + parts[1] + ".",
		encode(`{"alg":"none"}`) + "." + parts[1] + ".", encode(`null`) + "." + encode(`null`) + "." + parts[2],
		encode(`{"alg":"RS256","kid":{}}`) + "." + parts[1] + "." + parts[2], strings.Repeat(".", 300),
		encode(strings.Repeat("[", 2000)) + "." + parts[1] + "." + parts[2],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := r.Verify(t.Context(), token)
		if (err == nil) != (token == valid) {
			t.Errorf("token %q: %v", token, err)
		}
		if _, ok := auth.Refusal(err); err != nil && !ok {
			t.Errorf("not a refusal: %v", err)
		}
	})
}

// FuzzParseDate checks that every date that is read can be written and read again.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"2021-06-01T12:00", "2021-06-01T12:00:00.5Z", "2021-06-01T14:00+02:00", "2021-06-01T14:00:00-0930",
		"1970-01-01T00:00", "9999-12-31T23:59:59", "", "T", "2021-06-01T24:00", "2021-06-01T12:00:00,5",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := auth.ParseDate(s)
		if err != nil {
			if !errors.Is(err, auth.ErrDate) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		again, err := auth.ParseDate(d.Format(time.RFC3339))
		if err != nil || !again.Equal(d) {
			t.Errorf("%q = %v, read again %v, %v", s, d, again, err)
		}
	})
}
