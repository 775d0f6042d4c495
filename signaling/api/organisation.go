package api

import (
	"net/http"
	"time"

	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/httpjson"
)

// organisationView is an organisation as clients see it.
type organisationView struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	NanoMeet bool      `json:"nanomeet"`
	Webhook  string    `json:"webhook"`
	Created  time.Time `json:"created_at"`
}

func viewOrganisation(o catalog.Organisation) organisationView {
	return organisationView{ID: o.ID, Name: o.Name, NanoMeet: o.NanoMeet, Webhook: o.Webhook, Created: o.Created}
}

// getOrganisation is GET /organisation.
func (a *API) getOrganisation(w http.ResponseWriter, r *http.Request) error {
	org, err := a.byKey(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, viewOrganisation(org))
}

// putWebhook is PUT /organisation/webhook.
func (a *API) putWebhook(w http.ResponseWriter, r *http.Request) error {
	org, err := a.byKey(r)
	if err != nil {
		return err
	}
	var body struct {
		Webhook *string `json:"webhook"`
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if body.Webhook == nil {
		return errMissing.because("webhook is missing: a URL, or an empty string to remove it.")
	}
	if org, err = a.cfg.Organisations.SetWebhook(r.Context(), org.ID, *body.Webhook); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, viewOrganisation(org))
}
