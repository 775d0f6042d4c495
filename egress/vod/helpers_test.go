package vod

import (
	"encoding/gob"
	"os"

	"github.com/meetcast/meetcast/egress/media"
)

// The child of TestKill gets its programme in a file: it must not need ffmpeg,
// whose start would take most of its life.
type savedProgramme struct {
	Params  media.Params
	Samples []media.Sample
}

func saveProgramme(path string, p media.Params, samples []media.Sample) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(f).Encode(savedProgramme{p, samples}); err != nil {
		return err
	}
	return f.Close()
}

func loadProgramme(path string) (media.Params, []media.Sample, error) {
	f, err := os.Open(path)
	if err != nil {
		return media.Params{}, nil, err
	}
	defer f.Close()
	var p savedProgramme
	err = gob.NewDecoder(f).Decode(&p)
	return p.Params, p.Samples, err
}
