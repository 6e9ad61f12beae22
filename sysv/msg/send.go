package msg

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

// Send puts a message of this type, 1 or more, and these bytes, none or more, at
// the end of the queue. It waits until there is room. When ctx ends first
// nothing was sent, and the error says how full the queue is and is, by
// errors.Is, ctx's error. If ctx has ended already nothing is tried.
//
// Errors, with which nothing was sent either: [sysv.ErrRemoved] if the queue is
// or gets removed; EINVAL for a message that is longer than kernel.msgmax, or
// than the queue's MaxBytes when Send would begin to wait, and for a type below
// 1; [io/fs.ErrPermission] without write permission. Who waits may lose that: it
// counts each time that there may be room, and when a signal makes the wait begin
// anew. See msgop(2).
//
// Up to 128 bytes are copied by way of the stack and more by way of a pool of
// buffers: nothing is allocated, unless Send has to wait and ctx can end.
func (q *Queue) Send(ctx context.Context, typ int, data []byte) error {
	if err := ctx.Err(); err != nil {
		return q.ended("msgsnd", err, endedBefore)
	}
	var errno sys.Errno
	if len(data) <= small {
		// This is send, written again: mitigations of CPU bugs make every return
		// after a system call cost a few nanoseconds.
		var f few
		b := sys.Msgbuf(f[:])
		b[0] = typ
		copy(b.Bytes(), data)
		if race.Enabled {
			q.sending()
		}
		errno = sys.MsgsndNoWait(q.id, b, len(data))
	} else {
		errno = q.send(typ, data)
	}
	if errno == 0 {
		if race.Enabled {
			q.sent()
		}
		return nil
	}
	if errno == sys.EAGAIN {
		return q.awaitRoom(ctx, typ, data)
	}
	return q.sendError(errno, typ, data)
}

// TrySend is Send that returns false where it would have to wait.
func (q *Queue) TrySend(typ int, data []byte) (bool, error) {
	errno := q.send(typ, data)
	if errno == 0 {
		if race.Enabled {
			q.sent()
		}
		return true, nil
	}
	if errno == sys.EAGAIN {
		return false, q.tooLong(data)
	}
	return false, q.sendError(errno, typ, data)
}

// send sends where that needs no waiting: else EAGAIN.
func (q *Queue) send(typ int, data []byte) sys.Errno {
	if race.Enabled {
		q.sending()
	}
	if len(data) > small {
		b := load(typ, data)
		errno := sys.MsgsndNoWait(q.id, *b, len(data))
		buffers.Put(b)
		return errno
	}
	var f few
	b := sys.Msgbuf(f[:])
	b[0] = typ
	copy(b.Bytes(), data)
	return sys.MsgsndNoWait(q.id, b, len(data))
}

// load returns a buffer with the message in it.
func load(typ int, data []byte) *sys.Msgbuf {
	b := buffer(len(data))
	(*b)[0] = typ
	copy(b.Bytes(), data)
	return b
}

// awaitRoom sends as soon as that is possible.
func (q *Queue) awaitRoom(ctx context.Context, typ int, data []byte) error {
	if err := q.tooLong(data); err != nil {
		return err
	}
	b := load(typ, data)
	defer buffers.Put(b)
	err := wait.Msgsnd(ctx, q.id, *b, len(data))
	if errno, ok := err.(sys.Errno); ok {
		return q.sendError(errno, typ, data)
	}
	if err != nil {
		return q.ended("msgsnd", err, q.noRoom(len(data)))
	}
	if race.Enabled {
		q.sent()
	}
	return nil
}

// tooLong is the error of a message that the queue can't hold even when it is
// empty. The kernel would have it wait for ever.
func (q *Queue) tooLong(data []byte) error {
	limit, err := qbytes(q.id)
	if err != nil || uint64(max(len(data), 1)) <= limit {
		return nil // where the limit is not to be known, the kernel decides
	}
	return kind.Invalid("msgsnd", q.key, q.id, fmt.Sprintf("a message of %d bytes, the queue holds %d at most (its MaxBytes)", len(data), limit))
}

func (q *Queue) sendError(errno sys.Errno, typ int, data []byte) error {
	return q.error("msgsnd", errno, func(errno sys.Errno) string { return sendHint(errno, typ, len(data)) })
}
