package auth

import (
	"fmt"
	"time"
)

// RoomRequest asks for a room token. Whoever calls Room has checked that the
// organisation may have one.
type RoomRequest struct {
	Organisation string
	Room         string
	StreamName   string
	Server       string
	Moderator    bool
	// NotBefore and Expires bound the token, cut to the second.
	NotBefore, Expires time.Time
}

// InviteRequest asks for an invite token.
type InviteRequest struct {
	Moderator bool
	// NotBefore and Expires; zero means those of the inviting token.
	NotBefore, Expires time.Time
}

// Room makes a room token. A refusal is of kind Invalid.
func (t *Tokens) Room(r RoomRequest) (string, Claims, error) {
	if err := CheckRoomRequest(r, t.now()); err != nil {
		return "", Claims{}, err
	}
	if err := CheckStreamName(r.StreamName); err != nil {
		return "", Claims{}, err
	}
	if !isID(r.Organisation) {
		return "", Claims{}, fmt.Errorf("make room token: malformed organisation id %q", r.Organisation)
	}
	return t.issue(Claims{
		Organisation: r.Organisation,
		Room:         r.Room,
		StreamName:   r.StreamName,
		Server:       r.Server,
		Moderator:    r.Moderator,
		NotBefore:    r.NotBefore,
		Expires:      r.Expires,
	})
}

// CheckRoomRequest checks what a client chose: room, server and dates, and the
// stream name when there is one. It lets a server refuse a request before it
// makes a stream for it.
func CheckRoomRequest(r RoomRequest, now time.Time) error {
	if err := CheckRoom(r.Room); err != nil {
		return err
	}
	if err := CheckServer(r.Server); err != nil {
		return err
	}
	if r.StreamName != "" {
		if err := CheckStreamName(r.StreamName); err != nil {
			return err
		}
	}
	return checkDates(r.NotBefore.Truncate(time.Second), r.Expires.Truncate(time.Second), now)
}

// Invite makes an invite token on behalf of a verified token's holder. Only a
// moderator may; the invite inherits all but time, role and id.
func (t *Tokens) Invite(inviter Claims, r InviteRequest) (string, Claims, error) {
	if !inviter.Grants().Invite {
		return "", Claims{}, ErrModerator.because("Only a moderator may invite; this token is a participant's.")
	}
	c := inviter
	c.Moderator = r.Moderator
	if !r.NotBefore.IsZero() {
		c.NotBefore = r.NotBefore.Truncate(time.Second)
	}
	if !r.Expires.IsZero() {
		c.Expires = r.Expires.Truncate(time.Second)
	}
	switch {
	case c.Expires.After(inviter.Expires):
		return "", Claims{}, ErrInviteLong
	case c.NotBefore.Before(inviter.NotBefore):
		return "", Claims{}, ErrInviteEarly
	}
	if err := checkDates(c.NotBefore, c.Expires, t.now()); err != nil {
		return "", Claims{}, err
	}
	return t.issue(c)
}

func (t *Tokens) issue(c Claims) (string, Claims, error) {
	c.ID = newID()
	c.NotBefore = c.NotBefore.UTC().Truncate(time.Second)
	c.Expires = c.Expires.UTC().Truncate(time.Second)
	c.IssuedAt = t.now().UTC().Truncate(time.Second)
	token, err := t.sign(c)
	if err != nil {
		return "", Claims{}, err
	}
	return token, c, nil
}

// checkDates is the rule for every token: begin before the end, end in the
// future and at most a year from now.
func checkDates(nbf, exp, now time.Time) error {
	switch {
	case nbf.Unix() <= 0 || exp.Unix() <= 0:
		return ErrDate
	case !exp.After(nbf):
		return ErrDateOrder
	case !exp.After(now):
		return ErrExpired
	case exp.After(lifeEnd(now).Add(Leeway)):
		return ErrTooLong
	}
	return nil
}

// lifeEnd is the latest date at which a token made now may expire: the same
// date a year later.
func lifeEnd(now time.Time) time.Time { return now.AddDate(1, 0, 0) }
