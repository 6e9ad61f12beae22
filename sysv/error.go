package sysv

import (
	"errors"
	"fmt"

	"example.com/sysvipc/sysv/internal/sys"
)

// ErrRemoved says that the kernel has destroyed the object, whoever asked for
// it. It is the errno EIDRM. The kernel itself gives EIDRM to those who were
// waiting and EINVAL to everybody who comes later; here both are ErrRemoved.
//
// An id means something in the IPC namespace that it is from: to a process that
// has left that (unshare, setns) every object there is removed, if the id does
// not name another by chance.
var ErrRemoved error = sys.EIDRM

// ErrNotInitialized says that an object exists but that its creator has not given
// it what it is to have, and perhaps never will: it may have died.
var ErrNotInitialized = errors.New("it exists but its creator has not finished it")

// ErrSize says that an object exists, but with a size or length that does not fit
// what is asked for. It is EINVAL, too, which is all that the kernel says.
var ErrSize error = sizeError{}

type sizeError struct{}

func (sizeError) Error() string { return "it exists with another size" }
func (sizeError) Unwrap() error { return sys.EINVAL }

// ErrWouldBlock says that an operation which was not to wait would have to.
var ErrWouldBlock = errors.New("operation would have to wait")

// An Error is a call that was refused, by the kernel or, where no valid call
// could be made of the arguments, by this module.
//
// errors.Is finds through it the errno (syscall.ENOSPC) and what that
// stands for: [ErrRemoved], [ErrSize], [io/fs.ErrExist], [io/fs.ErrNotExist],
// [io/fs.ErrPermission], [errors.ErrUnsupported].
type Error struct {
	// Op is the system call: "shmget", "semop". Where none was refused it is what was
	// called: "ring.Queue.Send", or the package.
	Op string
	// Key is the object's key where the object was named by key, else Private.
	Key Key
	// ID is the object's id, or -1 where it is not known: 0 is an id.
	ID int
	// Hint says what to look at, in a phrase: "4096 of 4096 segments in use
	// (SHMMNI, kernel.shmmni)". It is empty where Err says it all.
	Hint string
	// Err is the errno, or one of this package's errors.
	Err error
}

// Error returns for example "semop set 7: identifier removed" or "shmget key
// 0x000004d2: file exists", and the hint in parentheses.
func (e *Error) Error() string {
	s := e.Op
	switch {
	case e.ID >= 0:
		s += fmt.Sprintf(" %s %d", noun(e.Op), e.ID)
	case e.Key != Private:
		s += fmt.Sprintf(" key %v", e.Key)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// noun is what the objects of a system call are called.
func noun(op string) string {
	switch op[:min(3, len(op))] {
	case "shm":
		return "segment"
	case "sem":
		return "set"
	case "msg":
		return "queue"
	}
	return "id"
}
