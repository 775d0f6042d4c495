package turn

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what the draft and all clients use
	"encoding/base64"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// maxUser bounds the names of users, bytes.
const maxUser = 128

// Credentials are what a client of a user needs for the next Lifetime
// (draft-uberti-behave-turn-rest §2.2): the name says until when they open
// allocations and whose they are, the password is its HMAC.
func (s *Server) Credentials(user string) (username, password string) {
	until := s.cfg.Now().Add(s.cfg.Lifetime)
	username = strconv.FormatInt(until.Unix(), 10) + ":" + strings.ReplaceAll(user, ":", "_")
	return username, s.password(username)
}

func (s *Server) password(username string) string {
	mac := hmac.New(sha1.New, s.secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate returns the key with which a request has to be signed. Expired
// credentials open nothing new, yet keep what they opened: a meeting may last
// longer than they do.
func (s *Server) authenticate(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	until, user, ok := splitUsername(r.Username)
	if !ok || r.Realm != s.cfg.Realm {
		s.count.refuse(RefusedCredentials)
		return "", nil, false
	}
	if s.cfg.Now().After(until) && (r.Method == stun.MethodAllocate || r.Method == stun.MethodConnect) {
		s.count.refuse(RefusedExpired)
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(r.Username, s.cfg.Realm, s.password(r.Username)), true
}

func splitUsername(name string) (until time.Time, user string, ok bool) {
	stamp, user, ok := strings.Cut(name, ":")
	if !ok || user == "" || len(user) > maxUser || len(stamp) > 12 {
		return time.Time{}, "", false
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || unix < 0 {
		return time.Time{}, "", false
	}
	return time.Unix(unix, 0), user, true
}

// onAuth counts signatures that do not fit.
func (s *Server) onAuth(_, _ net.Addr, _, _, _ string, _ string, verdict bool) {
	if !verdict {
		s.count.refuse(RefusedCredentials)
	}
}
