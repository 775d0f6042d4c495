package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/httpjson"
)

// nanoMeetBody is the body of POST /nanomeet in both its forms.
type nanoMeetBody struct {
	Exp        string `json:"exp"`
	Nbf        string `json:"nbf"`
	Room       string `json:"room"`
	StreamName string `json:"streamname"`
	Moderator  *bool  `json:"moderator"`
	Server     string `json:"server"`
}

// postNanoMeet is POST /nanomeet: a room token for an API key, an invite token
// for a moderator's token.
func (a *API) postNanoMeet(w http.ResponseWriter, r *http.Request) (err error) {
	var token string
	if r.Header.Get(headerAPIKey) == "" && r.Header.Get(headerToken) != "" {
		token, err = a.invite(w, r)
	} else {
		token, err = a.createRoom(w, r)
	}
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Data string `json:"data"`
	}{token})
}

func (a *API) createRoom(w http.ResponseWriter, r *http.Request) (string, error) {
	org, err := a.byKey(r)
	if err != nil {
		return "", err
	}
	if !org.NanoMeet {
		return "", auth.ErrFeature
	}
	var body nanoMeetBody
	if err := readBody(w, r, &body); err != nil {
		return "", err
	}
	req, err := body.room(org.ID)
	if err != nil {
		return "", err
	}
	if err := auth.CheckRoomRequest(req, a.cfg.Now()); err != nil {
		return "", err
	}
	stream, err := a.streamFor(r, req)
	if err != nil {
		return "", err
	}
	req.StreamName = stream
	token, _, err := a.cfg.Tokens.Room(req)
	return token, err
}

// streamFor returns the name of the stream that goes with the room: the one that
// was asked for, which then exists, or the room's own.
func (a *API) streamFor(r *http.Request, req auth.RoomRequest) (string, error) {
	var (
		s   catalog.Stream
		err error
	)
	if req.StreamName == "" {
		s, err = a.cfg.Streams.RoomStream(r.Context(), req.Organisation, req.Room)
		return s.Name, err
	}
	_, err = a.cfg.Streams.AdoptStream(r.Context(), req.Organisation, req.StreamName)
	return req.StreamName, err
}

// room turns the body into a request for a room token; only the stream name may
// be missing.
func (b nanoMeetBody) room(org string) (auth.RoomRequest, error) {
	for _, field := range []struct{ name, value string }{
		{"room", b.Room}, {"server", b.Server}, {"nbf", b.Nbf}, {"exp", b.Exp},
	} {
		if field.value == "" {
			return auth.RoomRequest{}, errMissing.because(field.name + " is missing.")
		}
	}
	if b.Moderator == nil {
		return auth.RoomRequest{}, errMissing.because("moderator is missing: true or false.")
	}
	nbf, exp, err := b.dates()
	return auth.RoomRequest{
		Organisation: org,
		Room:         b.Room,
		StreamName:   b.StreamName,
		Server:       b.Server,
		Moderator:    *b.Moderator,
		NotBefore:    nbf,
		Expires:      exp,
	}, err
}

func (a *API) invite(w http.ResponseWriter, r *http.Request) (string, error) {
	inviter, err := a.byToken(r)
	if err != nil {
		return "", err
	}
	org, err := a.cfg.Organisations.Organisation(r.Context(), inviter.Organisation)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return "", err
	}
	if !org.NanoMeet {
		return "", auth.ErrFeature
	}
	if !inviter.Grants().Invite {
		return "", auth.ErrModerator
	}
	var body nanoMeetBody
	if err := readBody(w, r, &body); err != nil {
		return "", err
	}
	if body.Moderator == nil {
		return "", errMissing.because("moderator is missing: true or false.")
	}
	// The invite keeps the server of the inviting token; a server in the body is
	// only checked.
	if body.Server != "" {
		if err := auth.CheckServer(body.Server); err != nil {
			return "", err
		}
	}
	nbf, exp, err := body.dates()
	if err != nil {
		return "", err
	}
	token, _, err := a.cfg.Tokens.Invite(inviter, auth.InviteRequest{
		Moderator: *body.Moderator, NotBefore: nbf, Expires: exp,
	})
	return token, err
}

// dates reads nbf and exp; one that is empty is the zero time.
func (b nanoMeetBody) dates() (nbf, exp time.Time, err error) {
	if b.Nbf != "" {
		if nbf, err = auth.ParseDate(b.Nbf); err != nil {
			return nbf, exp, err
		}
	}
	if b.Exp != "" {
		exp, err = auth.ParseDate(b.Exp)
	}
	return nbf, exp, err
}
