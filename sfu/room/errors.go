package room

import "errors"

// What a room refuses.
var (
	// ErrFull: the room has as many members as it may have.
	ErrFull = errors.New("room is full")
	// ErrTooManyRooms: the server has as many rooms as it may have.
	ErrTooManyRooms = errors.New("too many rooms")
	// ErrBanned: somebody who used this token was removed from the room.
	ErrBanned = errors.New("token is banned from the room")
	// ErrForbidden: the member lacks the permission.
	ErrForbidden = errors.New("not permitted")
	// ErrNoMember: the member that an action is aimed at is not in the room.
	ErrNoMember = errors.New("no such member")
	// ErrSelf: the action cannot be aimed at oneself.
	ErrSelf = errors.New("not possible with oneself")
	// ErrGone: the acting member is no longer in the room.
	ErrGone = errors.New("member is gone")
	// ErrBanNotKept: the kick succeeded and the ban holds in this process, but
	// Config.Bans could not keep it.
	ErrBanNotKept = errors.New("ban not kept")
	// ErrClosed: the rooms are closed.
	ErrClosed = errors.New("rooms are closed")
)

// errRoomClosed: this room has just closed; another may be made under its name.
var errRoomClosed = errors.New("room is closed")
