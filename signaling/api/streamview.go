package api

import (
	"time"

	"github.com/meetcast/meetcast/internal/catalog"
)

// streamView is a stream as clients see it.
type streamView struct {
	ID         string          `json:"id"`
	Created    time.Time       `json:"created_at"`
	Tags       []string        `json:"tags"`
	State      string          `json:"state"` // "live" or "ended"
	Ingest     ingestView      `json:"ingest"`
	Playout    playoutView     `json:"playout"`
	Transcodes []transcodeView `json:"transcodes"`
	VOD        []vodView       `json:"vod"`
}

type rtmpView struct {
	URL        string `json:"url"`
	StreamName string `json:"streamname"`
}

type ingestView struct {
	RTMP rtmpView `json:"rtmp"`
}

// playoutView lists the stream itself first and its transcodes after it.
type playoutView struct {
	H5Live []h5liveView `json:"h5live"`
	HLS    []linkView   `json:"hls"`
	Web    []linkView   `json:"web"`
}

type h5liveView struct {
	ID   string   `json:"id"`
	RTMP rtmpView `json:"rtmp"`
}

type linkView struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	Type string `json:"type"`
}

type transcodeView struct {
	ID         string   `json:"id"`
	Profile    string   `json:"profile"`
	StreamName string   `json:"streamname"`
	Tags       []string `json:"tags"`
}

type vodView struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	State string `json:"state"` // "recording" or "finished"
	// Size in bytes and Duration in seconds are there once it is finished.
	Size     int64     `json:"size,omitempty"`
	Duration float64   `json:"duration,omitempty"`
	Created  time.Time `json:"created_at"`
	Finished time.Time `json:"finished_at,omitzero"`
}

func (a *API) viewStream(base string, s catalog.Stream) streamView {
	ingest := a.cfg.Links.ingest(base)
	v := streamView{
		ID:         s.ID,
		Created:    s.Created,
		Tags:       orEmpty(s.Tags),
		State:      "ended",
		Ingest:     ingestView{rtmpView{ingest, s.Name}},
		Transcodes: []transcodeView{},
		VOD:        []vodView{},
	}
	if a.cfg.Live(s.Name) {
		v.State = "live"
	}
	v.Playout.add(base, ingest, s.ID, s.Name)
	for _, t := range s.Transcodes {
		v.Playout.add(base, ingest, t.ID, t.Name)
		v.Transcodes = append(v.Transcodes, transcodeView{t.ID, t.Profile, t.Name, orEmpty(t.Tags)})
	}
	for _, rec := range s.VODs {
		v.VOD = append(v.VOD, viewVOD(base, rec))
	}
	return v
}

func (p *playoutView) add(base, ingest, id, name string) {
	p.H5Live = append(p.H5Live, h5liveView{id, rtmpView{ingest, name}})
	p.HLS = append(p.HLS, linkView{id, hls(base, name), "live"})
	p.Web = append(p.Web, linkView{id, player(base, name), "live"})
}

func viewVOD(base string, rec catalog.VOD) vodView {
	v := vodView{
		Name:     rec.Name,
		URL:      recording(base, rec.File),
		State:    "recording",
		Size:     rec.Size,
		Duration: rec.Duration.Seconds(),
		Created:  rec.Created,
		Finished: rec.Finished,
	}
	if !rec.Finished.IsZero() {
		v.State = "finished"
	}
	return v
}

// orEmpty keeps null out of the answers.
func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
