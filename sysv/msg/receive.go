package msg

import (
	"bytes"
	"context"
	"fmt"

	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

// A Message is what was received.
type Message struct {
	// Type is what the sender chose, 1 or more.
	Type int
	// Data are its bytes, none or more.
	Data []byte
	// Truncated says that the message was longer and that the rest is lost,
	// which happens to none but who asked for it with [Selector.Truncate].
	Truncated bool
}

// Receive takes the first message that sel describes out of the queue, into
// buf, of which Data becomes a part. It waits until there is one. When ctx ends
// first nothing was taken, and the error says what did not come and is, by
// errors.Is, ctx's error. If ctx has ended already nothing is tried. A message
// that was taken is always returned, whatever becomes of ctx at that instant.
//
// Where that message is longer than buf, the error is E2BIG and it stays in the
// queue, in its place, unless sel is to truncate it. [Queue.Next] needs to know
// no length. Other errors: [sysv.ErrRemoved] if the queue is or gets removed;
// EINVAL for a selector of a type below 1; [io/fs.ErrPermission] without read
// permission. Who waits may lose that: it counts again at each IPC_SET of the
// queue, as of [Queue.SetPerm], and when a signal makes the wait begin anew. See
// msgop(2).
//
// A buf of up to 128 bytes is filled by way of the stack and a longer one by way
// of a pool of buffers, which have 8 KiB, or up to twice what the longest message
// so far needed, however long buf is: nothing is allocated, unless Receive has to
// wait and ctx can end.
func (q *Queue) Receive(ctx context.Context, sel Selector, buf []byte) (Message, error) {
	if err := ctx.Err(); err != nil {
		return Message{}, q.ended("msgrcv", err, endedBefore)
	}
	if !sel.valid() {
		return Message{}, q.badSelector(sel)
	}
	if race.Enabled {
		q.receiving()
	}
	typ, flags := sel.arguments()
	var m Message
	var errno sys.Errno
	if size := sel.size(buf); size <= small {
		// This is receive, written again, as in Send.
		var f few
		b := sys.Msgbuf(f[:])
		var n int
		n, errno = sys.MsgrcvNoWait(q.id, b, size, typ, flags)
		m = unload(b, n, errno, buf)
	} else {
		m, errno = q.receive(typ, flags, size, buf)
	}
	if errno == 0 {
		if race.Enabled {
			q.received()
		}
		return m, nil
	}
	if errno == sys.ENOMSG {
		return q.await(ctx, sel, buf)
	}
	return Message{}, q.receiveError(errno, sel, len(buf))
}

// TryReceive is Receive that returns false where it would have to wait.
func (q *Queue) TryReceive(sel Selector, buf []byte) (m Message, ok bool, err error) {
	if !sel.valid() {
		return Message{}, false, q.badSelector(sel)
	}
	if race.Enabled {
		q.receiving()
	}
	typ, flags := sel.arguments()
	m, errno := q.receive(typ, flags, sel.size(buf), buf)
	if errno == 0 {
		if race.Enabled {
			q.received()
		}
		return m, true, nil
	}
	if errno == sys.ENOMSG {
		return Message{}, false, nil
	}
	return Message{}, false, q.receiveError(errno, sel, len(buf))
}

// size is how much of a message the kernel is to hand out for a buffer. One byte
// more than there is room for tells that it was cut.
func (s Selector) size(buf []byte) uintptr {
	if s.truncate {
		return uintptr(len(buf)) + 1
	}
	return uintptr(len(buf))
}

// receive receives where that needs no waiting: else ENOMSG.
func (q *Queue) receive(typ, flags, size uintptr, buf []byte) (Message, sys.Errno) {
	if size > small {
		b := buffer(small)
		part, partFlags := request(*b, size, flags)
		n, errno := sys.MsgrcvNoWait(q.id, *b, part, typ, partFlags)
		for errno == sys.E2BIG && part < size {
			part, partFlags = grow(b, size, flags)
			n, errno = sys.MsgrcvNoWait(q.id, *b, part, typ, partFlags)
		}
		m := unload(*b, n, errno, buf)
		buffers.Put(b)
		return m, errno
	}
	var f few
	b := sys.Msgbuf(f[:])
	n, errno := sys.MsgrcvNoWait(q.id, b, size, typ, flags)
	return unload(b, n, errno, buf), errno
}

// request is what to ask of the kernel with b, to get size bytes of a message in
// the end: as many as b has room for. A message that is longer than those stays in
// the queue for now (E2BIG), even if it is to be truncated.
func request(b sys.Msgbuf, size, flags uintptr) (part, partFlags uintptr) {
	room := uintptr(len(b.Bytes()))
	if room < size {
		return room, flags &^ sys.MSG_NOERROR
	}
	return size, flags
}

// grow makes b larger and returns the next request. Callers' buffers may be as long
// as any message ever is, which tells nothing of how long this one is.
func grow(b *sys.Msgbuf, size, flags uintptr) (part, partFlags uintptr) {
	*b = sys.NewMsgbuf(int(min(size, 2*uintptr(len(b.Bytes())))))
	return request(*b, size, flags)
}

// unload makes a Message of the n bytes in b, if there was no error.
func unload(b sys.Msgbuf, n int, errno sys.Errno, buf []byte) Message {
	if errno != 0 {
		return Message{}
	}
	return Message{
		Type:      b[0],
		Data:      buf[:copy(buf, b.Bytes()[:n])],
		Truncated: n > len(buf),
	}
}

// await receives as soon as that is possible.
func (q *Queue) await(ctx context.Context, sel Selector, buf []byte) (Message, error) {
	typ, flags := sel.arguments()
	size := sel.size(buf)
	b := buffer(small)
	defer buffers.Put(b)
	part, partFlags := request(*b, size, flags)
	n, err := wait.Msgrcv(ctx, q.id, *b, part, typ, partFlags)
	for err == sys.E2BIG && part < size {
		part, partFlags = grow(b, size, flags)
		n, err = wait.Msgrcv(ctx, q.id, *b, part, typ, partFlags)
	}
	if err != nil {
		return Message{}, q.receiveError(err, sel, len(buf))
	}
	if race.Enabled {
		q.received()
	}
	return unload(*b, n, 0, buf), nil
}

// Next is Receive into memory of its own, whatever length the message has. It
// never truncates.
func (q *Queue) Next(ctx context.Context, sel Selector) (Message, error) {
	if err := ctx.Err(); err != nil {
		return Message{}, q.ended("msgrcv", err, endedBefore)
	}
	if !sel.valid() {
		return Message{}, q.badSelector(sel)
	}
	m, err := q.next(sel, func(b sys.Msgbuf, size, typ, flags uintptr) (int, error) {
		n, errno := sys.MsgrcvNoWait(q.id, b, size, typ, flags)
		if errno == sys.ENOMSG {
			return wait.Msgrcv(ctx, q.id, b, size, typ, flags)
		}
		return n, errorOf(errno)
	})
	if err != nil {
		return Message{}, q.receiveError(err, sel, 0)
	}
	return m, nil
}

// TryNext is Next that returns false where it would have to wait.
func (q *Queue) TryNext(sel Selector) (m Message, ok bool, err error) {
	if !sel.valid() {
		return Message{}, false, q.badSelector(sel)
	}
	m, err = q.next(sel, func(b sys.Msgbuf, size, typ, flags uintptr) (int, error) {
		n, errno := sys.MsgrcvNoWait(q.id, b, size, typ, flags)
		return n, errorOf(errno)
	})
	switch err {
	case nil:
		return m, true, nil
	case sys.ENOMSG:
		return Message{}, false, nil
	}
	return Message{}, false, q.receiveError(err, sel, 0)
}

// next receives with a buffer that grows until the message fits, which stays in
// the queue meanwhile.
func (q *Queue) next(sel Selector, msgrcv func(b sys.Msgbuf, size, typ, flags uintptr) (int, error)) (Message, error) {
	if race.Enabled {
		q.receiving()
	}
	sel.truncate = false
	typ, flags := sel.arguments()
	b := buffer(small)
	defer buffers.Put(b)
	for {
		size := len(b.Bytes())
		n, err := msgrcv(*b, uintptr(size), typ, flags)
		if err == sys.E2BIG {
			*b = sys.NewMsgbuf(2 * size)
			continue
		}
		if err != nil {
			return Message{}, err
		}
		if race.Enabled {
			q.received()
		}
		return Message{Type: (*b)[0], Data: bytes.Clone(b.Bytes()[:n])}, nil
	}
}

// Peek copies the message at a position into buf and leaves it in the queue
// (MSG_COPY): 0 is the one that was sent first, of whatever type. It does not
// wait, and returns false where there is none. By the time that it returns the
// message may be gone.
//
// Errors: EINVAL for a negative position, and for a message longer than
// kernel.msgmax, if that was lowered meanwhile; E2BIG for one longer than buf;
// ENOSYS where the kernel lacks CONFIG_CHECKPOINT_RESTORE; others as of Receive.
// Before Linux 3.8 the kernel does not know of this and would take a message out.
func (q *Queue) Peek(position int, buf []byte) (m Message, ok bool, err error) {
	if position < 0 {
		return Message{}, false, kind.Invalid("msgrcv", q.key, q.id, fmt.Sprintf("position %d is negative", position))
	}
	m, errno := q.receive(uintptr(position), sys.MSG_COPY, uintptr(len(buf)), buf)
	if errno == 0 {
		if race.Enabled {
			q.received()
		}
		return m, true, nil
	}
	if errno == sys.ENOMSG {
		return Message{}, false, nil
	}
	return Message{}, false, q.error("msgrcv", errno, func(errno sys.Errno) string { return peekHint(errno, len(buf)) })
}

// receiveError makes the error of a call that received nothing that sel describes
// into a buffer of n bytes.
func (q *Queue) receiveError(err error, sel Selector, n int) error {
	if errno, ok := err.(sys.Errno); ok {
		return q.error("msgrcv", errno, func(errno sys.Errno) string { return receiveHint(errno, n) })
	}
	return q.ended("msgrcv", err, q.noMessage(sel))
}

func (q *Queue) badSelector(sel Selector) error {
	return kind.Invalid("msgrcv", q.key, q.id, fmt.Sprintf("selector of %v: a message has a type of 1 or more", sel))
}

// errorOf is nil for no error.
func errorOf(errno sys.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
