package signaling

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		err   error
		code  string
		close int
		fatal bool
	}{
		{NewError(KindUser, "x", nil), wire.CodeBadRequest, wire.CloseBadMessage, false},
		{NewError(KindProtocol, "x", nil), wire.CodeBadRequest, wire.CloseBadMessage, true},
		{NewError(KindTimeout, "x", nil), wire.CodeBadRequest, wire.CloseTimeout, true},
		{NewError(KindUnauthorized, "x", nil), wire.CodeUnauthorized, wire.CloseUnauthorized, false},
		{NewError(KindPermission, "x", nil), wire.CodeForbidden, wire.CloseUnauthorized, false},
		{NewError(KindDestination, "x", nil), wire.CodeDestination, wire.CloseInternal, false},
		{NewError(KindUnavailable, "x", nil), wire.CodeUnavailable, wire.CloseInternal, false},
		{NewError(KindConflict, "x", nil), wire.CodeConflict, wire.CloseInternal, false},
		{NewError(KindNotFound, "x", nil), wire.CodeNotFound, wire.CloseGone, false},
		{NewError(KindRate, "x", nil), wire.CodeRate, wire.CloseRate, false},
		{ws.ErrRate, wire.CodeRate, wire.CloseRate, true},
		{ws.ErrTooLarge, wire.CodeBadRequest, wire.CloseBadMessage, true},
		{ws.ErrBinary, wire.CodeBadRequest, wire.CloseBadMessage, true},
		{wire.ErrSyntax, wire.CodeBadRequest, wire.CloseBadMessage, true},
		{wire.ErrUnknownType, wire.CodeBadRequest, wire.CloseBadMessage, false},
		{wire.ErrFields, wire.CodeBadRequest, wire.CloseBadMessage, false},
		{room.ErrBanned, wire.CodeForbidden, wire.CloseKicked, false},
		{room.ErrForbidden, wire.CodeForbidden, wire.CloseUnauthorized, false},
		{room.ErrFull, wire.CodeUnavailable, wire.CloseFull, false},
		{room.ErrTooManyRooms, wire.CodeUnavailable, wire.CloseFull, false},
		{room.ErrNoMember, wire.CodeNotFound, wire.CloseGone, false},
		{room.ErrGone, wire.CodeNotFound, wire.CloseGone, false},
		{context.DeadlineExceeded, wire.CodeUnavailable, wire.CloseInternal, false},
		{errors.New("index out of range"), wire.CodeInternal, wire.CloseInternal, false},
	} {
		for _, err := range []error{c.err, fmt.Errorf("do something: %w", c.err)} {
			v := judge(err)
			if v.code != c.code || v.close != c.close || v.fatal != c.fatal || v.message == "" {
				t.Errorf("%v is told as %+v, want %s %d %v", err, v, c.code, c.close, c.fatal)
			}
			if v.ours != (v.code == wire.CodeInternal) {
				t.Errorf("%v: ours is %v", err, v.ours)
			}
		}
	}
	if v := judge(NewError(KindOurs, "stack trace", nil)); v.message == "stack trace" {
		t.Error("an internal error is told in full")
	}
}

func TestErrorTellsItsCause(t *testing.T) {
	cause := errors.New("refused")
	e := NewError(KindDestination, "The ingest refused.", cause)
	if e.Error() != "The ingest refused.: refused" || !errors.Is(e, cause) || NewError(KindUser, "x", nil).Error() != "x" {
		t.Errorf("error %q", e)
	}
}
