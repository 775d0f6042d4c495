package apiclient_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/apiclient"
)

func server(t *testing.T, status int, answer string, seen *map[string]any) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			if err := json.NewDecoder(r.Body).Decode(seen); err != nil {
				t.Error(err)
			}
			(*seen)["key"] = r.Header.Get("x-bintu-apikey") + r.Header.Get("x-bintu-token")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	c, err := apiclient.New(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCreateRoomSendsWhatTheAPIExpects(t *testing.T) {
	var seen map[string]any
	c := server(t, http.StatusOK, `{"data":"a.b.c"}`, &seen)
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))
	token, err := c.CreateRoom(t.Context(), "KEY", apiclient.Room{Name: "r", Moderator: true, NotBefore: at, Expires: at.Add(time.Hour)})
	if err != nil || token != "a.b.c" {
		t.Fatal(token, err)
	}
	if seen["key"] != "KEY" || seen["nbf"] != "2026-11-22T11:00:00Z" || seen["moderator"] != true {
		t.Errorf("request was %v", seen)
	}
}

func TestErrors(t *testing.T) {
	var refusal *apiclient.Error
	_, err := server(t, http.StatusUnauthorized, `{"error":"Invalid API key","message":"unknown"}`, nil).CreateInvite(t.Context(), "T", false)
	if !errors.As(err, &refusal) || refusal.Status != http.StatusUnauthorized || !strings.Contains(err.Error(), "Invalid API key: unknown") {
		t.Errorf("refusal: %v", err)
	}
	if _, err = server(t, http.StatusBadGateway, `<html>`, nil).CreateInvite(t.Context(), "T", false); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("proxy page: %v", err)
	}
	if _, err = server(t, http.StatusOK, `hello`, nil).CreateInvite(t.Context(), "T", false); err == nil {
		t.Error("an answer without a token is an error")
	}
	if _, err := apiclient.New("localhost:8080"); err == nil {
		t.Error("a URL needs a scheme")
	}
}

func TestRoomLink(t *testing.T) {
	c := server(t, http.StatusOK, "", nil)
	token := "x." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"org","room":"r1"}`)) + ".y"
	link, err := c.RoomLink(token)
	if err != nil || !strings.HasSuffix(link, "/org/r1?jwt="+token) {
		t.Error(link, err)
	}
	if _, err := c.RoomLink("nonsense"); err == nil {
		t.Error("nonsense is no token")
	}
}
