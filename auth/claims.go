package auth

import (
	"encoding/json"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Audience and Issuer are the values of the claims "aud" and "iss".
const (
	Audience = "meetcast"
	Issuer   = "meetcast"
)

// Leeway is how far apart two clocks may be: a token counts this long before
// its nbf and after its exp.
const Leeway = 5 * time.Second

// Claims is what a token says, once verified.
type Claims struct {
	// ID (jti) is random and unique; revocations name it.
	ID string
	// Organisation (sub) owns the room.
	Organisation string
	Room         string
	StreamName   string
	// Server is the host[:port] on which the meeting takes place.
	Server    string
	Moderator bool
	// NotBefore, Expires and IssuedAt are in UTC, whole seconds.
	NotBefore, Expires, IssuedAt time.Time
}

// RoomID is the room's name in the whole server.
func (c Claims) RoomID() track.RoomID {
	return track.RoomID(c.Organisation + "/" + c.Room)
}

// payload is the JSON form of Claims. Dates are seconds since 1970 (RFC 7519
// §2, NumericDate), and only whole ones: no token of ours has others.
type payload struct {
	Issuer     string   `json:"iss"`
	Audience   audience `json:"aud"`
	Subject    string   `json:"sub"`
	Room       string   `json:"room"`
	StreamName string   `json:"streamname"`
	Server     string   `json:"server"`
	Moderator  *bool    `json:"moderator"`
	NotBefore  int64    `json:"nbf"`
	Expires    int64    `json:"exp"`
	IssuedAt   int64    `json:"iat"`
	ID         string   `json:"jti"`
}

// audience is a string or an array of strings (RFC 7519 §4.1.3).
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

func (c Claims) payload() payload {
	return payload{
		Issuer:     Issuer,
		Audience:   audience{Audience},
		Subject:    c.Organisation,
		Room:       c.Room,
		StreamName: c.StreamName,
		Server:     c.Server,
		Moderator:  &c.Moderator,
		NotBefore:  c.NotBefore.Unix(),
		Expires:    c.Expires.Unix(),
		IssuedAt:   c.IssuedAt.Unix(),
		ID:         c.ID,
	}
}

// claims checks that everything is there and well formed.
func (p payload) claims() (Claims, error) {
	if p.Moderator == nil || p.Subject == "" || p.ID == "" ||
		!isStamp(p.NotBefore) || !isStamp(p.Expires) || !isStamp(p.IssuedAt) ||
		p.NotBefore >= p.Expires {
		return Claims{}, ErrTokenClaims
	}
	if CheckRoom(p.Room) != nil || CheckServer(p.Server) != nil || CheckStreamName(p.StreamName) != nil ||
		!isID(p.Subject) || !isID(p.ID) {
		return Claims{}, ErrTokenClaims
	}
	return Claims{
		ID:           p.ID,
		Organisation: p.Subject,
		Room:         p.Room,
		StreamName:   p.StreamName,
		Server:       p.Server,
		Moderator:    *p.Moderator,
		NotBefore:    time.Unix(p.NotBefore, 0).UTC(),
		Expires:      time.Unix(p.Expires, 0).UTC(),
		IssuedAt:     time.Unix(p.IssuedAt, 0).UTC(),
	}, nil
}

// isStamp bounds a NumericDate to the years 1970 to 9999.
func isStamp(s int64) bool { return s > 0 && s < 253402300800 }

// isID tells whether s can be a token of a store key and a part of a path.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && all(s, func(c byte) bool { return isWord(c) || c == '-' })
}
