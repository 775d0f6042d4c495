package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxID is the longest Head.ID, in bytes.
const MaxID = 32

// The ways in which a message from the page cannot be understood.
var (
	// ErrSyntax: not a JSON object with a "type". The page is not speaking this
	// protocol.
	ErrSyntax = errors.New("not a message")
	// ErrUnknownType: a type that this server does not know.
	ErrUnknownType = errors.New("unknown type")
	// ErrFields: a known type whose fields do not fit.
	ErrFields = errors.New("wrong fields")
)

// clientTypes makes an empty message of each type that a page may send.
var clientTypes = map[string]func() any{
	TypeJoin:            func() any { return new(Join) },
	TypeOffer:           func() any { return new(Offer) },
	TypeCandidate:       func() any { return new(Candidate) },
	TypeView:            func() any { return new(View) },
	TypeMute:            func() any { return new(Mute) },
	TypeChat:            func() any { return new(Chat) },
	TypeHand:            func() any { return new(Hand) },
	TypeRename:          func() any { return new(Rename) },
	TypeKick:            func() any { return new(Kick) },
	TypeMuteParticipant: func() any { return new(MuteParticipant) },
	TypeMuteEveryone:    func() any { return new(Bare) },
	TypeBroadcastStart:  func() any { return new(BroadcastStart) },
	TypeBroadcastStop:   func() any { return new(Bare) },
	TypeBroadcastLayout: func() any { return new(BroadcastLayout) },
	TypeLeave:           func() any { return new(Bare) },
	TypePing:            func() any { return new(Ping) },
}

// Decode reads a message from the page: a pointer to one of the types above,
// or an error that is ErrSyntax, ErrUnknownType or ErrFields. The head is
// valid, as far as it could be read, beside the last two.
func Decode(data []byte) (Head, any, error) {
	var head Head
	if err := json.Unmarshal(data, &head); err != nil {
		return Head{}, nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if head.Type == "" {
		return Head{}, nil, fmt.Errorf("%w: no type", ErrSyntax)
	}
	if len(head.ID) > MaxID {
		return Head{Type: head.Type}, nil, fmt.Errorf("%w: id of more than %d characters", ErrFields, MaxID)
	}
	create, ok := clientTypes[head.Type]
	if !ok {
		return head, nil, ErrUnknownType
	}
	msg := create()
	if err := json.Unmarshal(data, msg); err != nil {
		return head, nil, fmt.Errorf("%w: %w", ErrFields, err)
	}
	return head, msg, nil
}
