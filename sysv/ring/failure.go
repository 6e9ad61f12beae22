package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
)

// An explained error is one of which it is known, where it happens, what to look at. That
// becomes the hint of what the caller gets.
type explained struct {
	error
	hint string
}

func (e *explained) Unwrap() error { return e.error }

func explain(err error, format string, args ...any) error {
	return &explained{err, fmt.Sprintf(format, args...)}
}

// failed says which call of which ring has failed, and what to do about it. What
// package lock or event said of the reason for which it waits no more means a part of the
// ring that nobody who uses it knows of, and is left out.
func (m *membership) failed(call string, err error) error {
	e := &sysv.Error{Op: "ring." + m.kind + "." + call, Key: m.Key(), ID: m.ID(), Err: err}
	if x, ok := errors.AsType[*explained](err); ok {
		e.Err, e.Hint = x.error, x.hint
	}
	switch {
	case errors.Is(err, sysv.ErrRemoved):
		e.Err, e.Hint = sysv.ErrRemoved, "somebody has removed it: close this membership, and open or create another ring"
	case errors.Is(err, fs.ErrClosed):
		e.Err, e.Hint = fs.ErrClosed, ""
	case errors.Is(err, context.Canceled):
		e.Err = context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Err = context.DeadlineExceeded
	}
	return e
}

// inVain explains the error of a wait that may be one of its context. why is asked only then.
func inVain(err error, why func() string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return explain(err, "%s", why())
	}
	return err
}

// What waits were in vain for.
const noRecord = "there was no record"

func nextUnfinished(state uint32) string {
	return fmt.Sprintf("the next record is being written, by the member in slot %d", int(state>>slotShift)-1)
}

func noRoom(length int, used, size uint32) string {
	return fmt.Sprintf("there was no room for a record of %d bytes: %d of %d bytes of the ring are in use by records that are not done with", length, uint64(used)*unit, uint64(size)*unit)
}
