package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meetcast/meetcast/auth"
)

// VOD is one recording of a stream.
type VOD struct {
	// Name identifies the recording; it is the file's name without ".mp4".
	Name string `json:"name"`
	// File is the file's name inside the VOD folder, and the end of its link.
	File string `json:"file"`
	// Size in bytes; 0 while it is recorded.
	Size int64 `json:"size,omitempty"`
	// Duration of the recording; 0 while it is recorded.
	Duration time.Duration `json:"duration,omitempty"` // nanoseconds
	Created  time.Time     `json:"created_at"`
	// Finished is zero while it is recorded.
	Finished time.Time `json:"finished_at,omitzero"`
}

// maxVODs of one stream are remembered, the newest; the files of older ones
// stay and stay served.
const maxVODs = 500

// PutVOD adds a recording to the stream with this name, or replaces what was
// said of it before: call it when a recording begins and again when it is
// finished. A zero Created is now, or what it was.
func (c *Catalog) PutVOD(ctx context.Context, streamName string, v VOD) error {
	if auth.CheckStreamName(v.Name) != nil || v.File == "" || len(v.File) > 2*auth.MaxStreamName || v.Size < 0 || v.Duration < 0 {
		return &InvalidError{"vod", "A recording needs a name and a file."}
	}
	s, err := c.StreamByName(ctx, streamName)
	if err != nil {
		return fmt.Errorf("add recording: %w", err)
	}
	_, err = change(ctx, c.kv, streamKey(s.Organisation, s.ID), func(s *Stream) error {
		i := slices.IndexFunc(s.VODs, func(old VOD) bool { return old.Name == v.Name })
		if v.Created.IsZero() {
			if v.Created = c.stamp(); i >= 0 {
				v.Created = s.VODs[i].Created
			}
		}
		if i >= 0 {
			s.VODs[i] = v
			return nil
		}
		s.VODs = append(s.VODs, v)
		s.VODs = s.VODs[max(0, len(s.VODs)-maxVODs):]
		return nil
	})
	if err != nil {
		return fmt.Errorf("add recording: %w", err)
	}
	return nil
}
