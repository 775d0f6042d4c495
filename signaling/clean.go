package signaling

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meetcast/meetcast/signaling/wire"
)

// fallbackName is shown for who gave no name.
const fallbackName = "Guest"

// cleanName returns a display name on one line, without control characters, with
// single spaces, of at most wire.MaxName characters.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(strings.Map(visible, name)), " ")
	if utf8.RuneCountInString(name) > wire.MaxName {
		name = strings.TrimSpace(string([]rune(name)[:wire.MaxName]))
	}
	return name
}

// cleanText returns a chat text without control characters but line feeds.
func cleanText(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return visible(r)
	}, text))
}

// visible drops control characters and those that turn the direction of what
// follows, with which one name could pose as another; white space becomes a
// space.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\uFEFF', r == '\u200B':
		return -1
	}
	return r
}
