package api

import (
	"net/http"
	"path"
	"strconv"

	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/httpjson"
)

// How many streams a list has when nothing is asked, and at most.
const (
	defaultQuantity = 50
	maxQuantity     = 500
)

// postStream is POST /stream.
func (a *API) postStream(w http.ResponseWriter, r *http.Request) error {
	org, err := a.byKey(r)
	if err != nil {
		return err
	}
	var body struct {
		Tags       []string `json:"tags"`
		Transcodes []struct {
			Profile string   `json:"profile"`
			Tags    []string `json:"tags"`
		} `json:"transcodes"`
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	base, ok := a.cfg.Links.Base(r)
	if !ok {
		return errHost
	}
	n := catalog.NewStream{Tags: body.Tags}
	for _, t := range body.Transcodes {
		n.Transcodes = append(n.Transcodes, catalog.NewTranscode{Profile: t.Profile, Tags: t.Tags})
	}
	s, err := a.cfg.Streams.CreateStream(r.Context(), org.ID, n)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, a.viewStream(base, s))
}

// listStreams is GET /stream.
func (a *API) listStreams(w http.ResponseWriter, r *http.Request) error {
	org, err := a.byKey(r)
	if err != nil {
		return err
	}
	quantity := defaultQuantity
	if s := r.URL.Query().Get("quantity"); s != "" {
		quantity, err = strconv.Atoi(s)
		if err != nil || quantity < 1 || quantity > maxQuantity {
			return errQuery.because("quantity is a number from 1 to " + strconv.Itoa(maxQuantity) + ".")
		}
	}
	base, ok := a.cfg.Links.Base(r)
	if !ok {
		return errHost
	}
	streams, err := a.cfg.Streams.Streams(r.Context(), org.ID, quantity)
	if err != nil {
		return err
	}
	views := make([]streamView, len(streams))
	for i, s := range streams {
		views[i] = a.viewStream(base, s)
	}
	return httpjson.Write(w, http.StatusOK, views)
}

// getStream is GET /stream/{id}.
func (a *API) getStream(w http.ResponseWriter, r *http.Request) error {
	org, err := a.byKey(r)
	if err != nil {
		return err
	}
	base, ok := a.cfg.Links.Base(r)
	if !ok {
		return errHost
	}
	s, err := a.cfg.Streams.Stream(r.Context(), org.ID, path.Base(r.URL.Path))
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, a.viewStream(base, s))
}
