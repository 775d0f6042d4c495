package auth

import (
	"time"
)

// dateLayouts are the forms of ISO 8601 that ParseDate takes. Go accepts a
// fraction after the seconds of each by itself. A form without a zone is UTC:
// that is what a datetime-local field sends.
var dateLayouts = [...]string{
	"2006-01-02T15:04",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04Z0700",
	"2006-01-02T15:04:05Z0700",
}

const maxDate = 40 // bytes; a date with nanoseconds and zone has 35

// ParseDate reads an ISO 8601 date with time, with or without seconds and zone,
// and returns it in UTC cut to the second. Anything else is ErrDate.
func ParseDate(s string) (time.Time, error) {
	if len(s) <= maxDate {
		for _, layout := range dateLayouts {
			if t, err := time.Parse(layout, s); err == nil {
				return checkYear(t.UTC().Truncate(time.Second))
			}
		}
	}
	return time.Time{}, ErrDate
}

// checkYear keeps to dates that every client can hold and print.
func checkYear(t time.Time) (time.Time, error) {
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, ErrDate
	}
	return t, nil
}
