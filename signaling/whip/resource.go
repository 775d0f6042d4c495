package whip

import (
	"context"
	"net/http"
)

// patch answers PATCH on a session: candidates, or an ICE restart (RFC 9725
// §4.3).
func (srv *Server) patch(w http.ResponseWriter, r *http.Request) {
	s, err := srv.find(r)
	if err != nil {
		srv.fail(w, err)
		return
	}
	if !s.patches.Allow() {
		srv.fail(w, errRate)
		return
	}
	text, err := body(w, r, typeFragment, errNotFrag, maxFragment, srv.cfg.AnswerTimeout)
	if err != nil {
		srv.fail(w, err)
		return
	}
	f, err := parseFragment(text)
	if err != nil {
		srv.fail(w, err)
		return
	}
	s.negotiating.Lock()
	defer s.negotiating.Unlock()
	if s.ctx.Err() != nil {
		srv.fail(w, errNoSession)
		return
	}
	switch m := matches(r, s.etag); {
	case m == matchNone:
		srv.fail(w, errNoMatch)
	case m == matchOther:
		srv.fail(w, errOldMatch)
	case f.ufrag == "" || f.ufrag == s.offer.ufrag():
		s.trickle(f)
		w.WriteHeader(http.StatusNoContent)
	case f.pwd == "":
		srv.fail(w, malformed("An ICE restart needs ice-ufrag and ice-pwd."))
	default:
		s.restart(w, f)
	}
}

// trickle takes candidates. The server finds the client by its checks, so one
// that cannot be used costs nothing.
func (s *session) trickle(f fragment) {
	for _, c := range f.candidates {
		if err := s.peer.AddCandidate(c.text, c.mid, c.line, nil); err != nil {
			s.logger.Debug("candidate not used", "err", err)
		}
	}
}

// restart restarts ICE: to the peer that is the same offer with other
// credentials. A restart that fails leaves the session as it was.
func (s *session) restart(w http.ResponseWriter, f fragment) {
	ctx, cancel := context.WithTimeout(s.ctx, s.srv.cfg.AnswerTimeout)
	defer cancel()
	again := s.offer.restarted(f.ufrag, f.pwd)
	text, err := again.text()
	if err != nil {
		s.srv.fail(w, err)
		return
	}
	answer, err := s.peer.Answer(ctx, text, again.tracks)
	if err != nil {
		s.srv.fail(w, err)
		return
	}
	fragment, err := answerFragment(answer)
	if err != nil {
		s.srv.fail(w, err)
		return
	}
	s.offer, s.etag = again, newETag()
	s.trickle(f)
	s.srv.stats.restarts.Add(1)
	signal(s.retold)
	w.Header().Set("ETag", s.etag)
	w.Header().Set("Content-Type", typeFragment)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(fragment))
}

// remove answers DELETE on a session, whatever its If-Match says (RFC 9725
// §4.2.2), once nobody sees the encoder any more.
func (srv *Server) remove(w http.ResponseWriter, r *http.Request) {
	s, err := srv.find(r)
	if err != nil {
		srv.fail(w, err)
		return
	}
	s.over()
	select {
	case <-s.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
}
