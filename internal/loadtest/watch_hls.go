package loadtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// pollEvery is how often the playlist is fetched: as a plain player would.
	pollEvery   = 500 * time.Millisecond
	hlsTimeout  = 15 * time.Second // a server may hold the first playlist back
	maxPlaylist = 1 << 20
	maxSegment  = 64 << 20
)

// segments is a viewer of HLS (RFC 8216): it fetches each segment once.
type segments struct {
	began  time.Time
	client http.Client

	// Owned by watch, read after it has ended.
	start   time.Duration
	seen    map[string]bool
	errors  int
	stalls  int
	grew    time.Time
	stalled bool
	target  time.Duration
}

func newSegments(began time.Time) *segments {
	return &segments{began: began, client: http.Client{Timeout: hlsTimeout}, seen: map[string]bool{}, target: time.Second}
}

// watch polls until the context ends. Before the first segment nothing is wrong.
func (s *segments) watch(ctx context.Context, address string) {
	defer s.client.CloseIdleConnections()
	for ctx.Err() == nil {
		if err := s.poll(ctx, address); err != nil && ctx.Err() == nil && len(s.seen) > 0 {
			s.errors++
		}
		if len(s.seen) > 0 && !s.stalled && time.Since(s.grew) > 3*s.target+time.Second {
			s.stalls++
			s.stalled = true
		}
		wait(ctx, pollEvery)
	}
}

// poll reads a playlist, or the first variant of a multivariant one.
func (s *segments) poll(ctx context.Context, address string) error {
	text, err := s.get(ctx, address, maxPlaylist)
	if err != nil {
		return err
	}
	base, err := url.Parse(address)
	if err != nil {
		return err
	}
	variants := strings.Contains(text, "#EXT-X-STREAM-INF")
	for in := bufio.NewScanner(strings.NewReader(text)); in.Scan(); {
		line := strings.TrimSpace(in.Text())
		if value, ok := strings.CutPrefix(line, "#EXT-X-TARGETDURATION:"); ok {
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				s.target = time.Duration(n) * time.Second
			}
		}
		if line == "" || line[0] == '#' {
			continue
		}
		ref, err := base.Parse(line)
		if err != nil {
			return err
		}
		if variants {
			return s.poll(ctx, ref.String())
		}
		if err := s.segment(ctx, ref.String()); err != nil {
			return err
		}
	}
	return nil
}

func (s *segments) segment(ctx context.Context, address string) error {
	if s.seen[address] {
		return nil
	}
	if _, err := s.get(ctx, address, maxSegment); err != nil {
		return err
	}
	s.seen[address], s.grew, s.stalled = true, time.Now(), false
	if s.start == 0 {
		s.start = time.Since(s.began)
	}
	return nil
}

func (s *segments) get(ctx context.Context, address string, limit int64) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	return string(body), nil
}

func (s *segments) report(b *Broadcast) {
	b.HLSStart, b.HLSSegments, b.HLSErrors, b.HLSStalls = millis(s.start), len(s.seen), s.errors, s.stalls
}
