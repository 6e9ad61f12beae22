package msg

import (
	"fmt"

	"example.com/sysvipc/sysv/internal/sys"
)

// A Selector says which message to receive: the first one in the queue that it
// describes. The zero Selector is [Any]. Two are equal (==) if they say the same.
type Selector struct {
	typ      int
	match    match
	truncate bool
}

// A match is how a message's type is to relate to a Selector's.
type match uint8

const (
	every match = iota
	equal
	upTo
	except
)

// Any describes every message.
var Any Selector

// Type describes the messages of one type, 1 or more.
func Type(typ int) Selector { return Selector{typ: typ, match: equal} }

// UpTo describes the messages of the lowest type in the queue, if that is at
// most bound, which is 1 or more: with types as priorities, the most urgent.
func UpTo(bound int) Selector { return Selector{typ: bound, match: upTo} }

// Except describes the messages of all types but one, 1 or more (MSG_EXCEPT).
func Except(typ int) Selector { return Selector{typ: typ, match: except} }

// Truncate describes the same messages, and of one that is longer than the
// buffer lets Receive and TryReceive take as much as fits (MSG_NOERROR). The
// rest of it is lost.
func (s Selector) Truncate() Selector {
	s.truncate = true
	return s
}

// String returns for example "type 3", or "any, truncated".
func (s Selector) String() string {
	text := "any"
	switch s.match {
	case equal:
		text = fmt.Sprintf("type %d", s.typ)
	case upTo:
		text = fmt.Sprintf("types up to %d", s.typ)
	case except:
		text = fmt.Sprintf("all types but %d", s.typ)
	}
	if s.truncate {
		text += ", truncated"
	}
	return text
}

func (s Selector) valid() bool { return s.match == every || s.typ >= 1 }

// arguments are those of msgrcv, which has one number for three meanings.
func (s Selector) arguments() (typ, flags uintptr) {
	typ = uintptr(s.typ)
	switch s.match {
	case upTo:
		typ = -typ
	case except:
		flags = sys.MSG_EXCEPT
	}
	if s.truncate {
		flags |= sys.MSG_NOERROR
	}
	return typ, flags
}
