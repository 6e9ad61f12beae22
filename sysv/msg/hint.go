package msg

import (
	"fmt"
	"os"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

// createHint explains an errno of msgget. See ERRORS in msgget(2).
func createHint(errno sys.Errno) string {
	if errno != sys.ENOSPC {
		return ""
	}
	l, err := Limits()
	if err != nil {
		return ""
	}
	u, err := Usage()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d of %d queues in use (kernel.msgmni)", u.Queues, l.MsgMNI)
}

// setHint explains an errno of IPC_SET with this owner and qbytes. See ERRORS in
// msgctl(2).
func (q *Queue) setHint(uid, gid uint32, qbytes uint64) func(sys.Errno) string {
	return func(errno sys.Errno) string {
		switch errno {
		case sys.EACCES:
			return "IPC_SET sets MaxBytes too, and to read what it is needs read permission, or Linux 4.17"
		case sys.EPERM:
			l, err := Limits()
			if err == nil && qbytes > uint64(l.MsgMNB) && q.ours() {
				return fmt.Sprintf("MaxBytes of %d is above %d (kernel.msgmnb), which needs CAP_SYS_RESOURCE in the initial user namespace", qbytes, l.MsgMNB)
			}
		}
		return object.SetHint(uid, gid)(errno)
	}
}

// ours tells whether this process may change the queue, if it does not ask for
// too much.
func (q *Queue) ours() bool {
	stat, err := kind.Look(q.id)
	me := os.Geteuid()
	return err == nil && (me == 0 || uint32(me) == stat.UID || uint32(me) == stat.CUID)
}

// sendHint explains an errno of msgsnd. See ERRORS in msgop(2).
func sendHint(errno sys.Errno, typ, n int) string {
	if errno != sys.EINVAL {
		return ""
	}
	if typ < 1 {
		return fmt.Sprintf("type %d: a message has a type of 1 or more", typ)
	}
	if l, err := Limits(); err == nil && n > l.MsgMax {
		return fmt.Sprintf("a message of %d bytes, %d at most (kernel.msgmax)", n, l.MsgMax)
	}
	return ""
}

// receiveHint explains an errno of msgrcv into a buffer of n bytes. See ERRORS
// in msgop(2).
func receiveHint(errno sys.Errno, n int) string {
	if errno == sys.E2BIG {
		return fmt.Sprintf("the message is longer than the %d bytes of the buffer, and stays in the queue", n)
	}
	return ""
}

// peekHint explains an errno of msgrcv with MSG_COPY.
func peekHint(errno sys.Errno, n int) string {
	switch errno {
	case sys.ENOSYS:
		return "to look at a message without taking it, the kernel needs CONFIG_CHECKPOINT_RESTORE"
	case sys.EINVAL:
		if l, err := Limits(); err == nil {
			return fmt.Sprintf("the message is longer than %d bytes (kernel.msgmax), which more are not shown of", l.MsgMax)
		}
	}
	return receiveHint(errno, n)
}

// endedBefore is the hint where there was no wait.
const endedBefore = "that was so before, and nothing was tried"

// ended is the error of a call whose context ended with err.
func (q *Queue) ended(op string, err error, hint string) error {
	return &sysv.Error{Op: op, Key: q.key, ID: q.id, Err: err, Hint: hint}
}

// noRoom says what a message of n bytes waited for, and how full the queue is now.
func (q *Queue) noRoom(n int) string {
	what := fmt.Sprintf("waited for room for a message of %d bytes", n)
	m, err := state(q.id)
	if err != nil {
		return what
	}
	how := "queue"
	if m.CBytes+uint64(n) > m.QBytes || m.QNum+1 > m.QBytes { // msg_fits_inqueue in ipc/msg.c
		how = "queue full"
	}
	return fmt.Sprintf("%s: %s with %d of %d bytes, %d of %d messages", what, how, m.CBytes, m.QBytes, m.QNum, m.QBytes)
}

// noMessage says what a receiver waited for, and what the queue has now.
func (q *Queue) noMessage(sel Selector) string {
	what := "waited for a message (" + sel.String() + ")"
	m, err := state(q.id)
	if err != nil {
		return what
	}
	return fmt.Sprintf("%s: none came, queue with %d messages", what, m.QNum)
}
