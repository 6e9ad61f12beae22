package msg

import (
	"errors"
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
)

// A Queue is a handle to a message queue, by its id. It holds no resource of the
// process: there is nothing to close, and dropping it changes nothing. Once the
// queue is removed, every method that asks the kernel returns an error that is
// [sysv.ErrRemoved].
type Queue struct {
	id  int
	key sysv.Key
}

// ID returns the kernel's id, 0 or more.
func (q *Queue) ID() int { return q.id }

// Key returns the key that the queue was created or opened with, or for OpenID
// the one that it has.
func (q *Queue) Key() sysv.Key { return q.key }

// Stat asks the kernel for the queue's state (IPC_STAT). It needs read
// permission, from the owner too. [List] does not.
func (q *Queue) Stat() (Stat, error) {
	stat, err := kind.Stat(q.id)
	if err != nil {
		return Stat{}, q.error("msgctl", err, nil)
	}
	return stat, nil
}

// SetPerm changes the owner, its group and the permissions (IPC_SET), which
// only the owner, the creator or CAP_SYS_ADMIN may: others get
// [fs.ErrPermission]. All three are set: to change the owner alone, pass what
// Stat says for the rest; to change the mode alone there is SetMode.
//
// EINVAL: a mode that is not 0 to 0o777, or is 0o601, which marks what is in the
// making; a uid or gid of 1<<32 - 1, or one that this user namespace does not
// map. Nothing is changed then. Who waits to receive and may not do so any
// more gets EACCES at once, who waits to send when there is room.
//
// It reads MaxBytes first and sets that too: a change of it by another process
// in between is undone, and where it is above kernel.msgmnb that needs
// CAP_SYS_RESOURCE. Before Linux 4.17 reading it needs read permission.
func (q *Queue) SetPerm(uid, gid uint32, mode fs.FileMode) error {
	m, err := kind.Mode("msgctl", q.key, q.id, mode)
	if err != nil {
		return err
	}
	n, err := qbytes(q.id)
	if err != nil {
		return q.error("msgctl", err, q.setHint(uid, gid, n))
	}
	return q.set(uid, gid, uint32(m), n)
}

// SetMode changes the permissions and keeps the owner, with SetPerm's errors.
// It reads the owner first: a change of owner by another process in between
// is undone.
func (q *Queue) SetMode(mode fs.FileMode) error {
	stat, err := kind.KeepOwner(q.id)
	if err != nil {
		return err
	}
	return q.SetPerm(stat.UID, stat.GID, mode)
}

// SetMaxBytes changes how many bytes the messages in the queue may have
// together (IPC_SET, msg_qbytes). It is the number of messages that the queue
// holds at most, too, which counts where they are empty. What is in the queue
// stays there, and who waits to send goes on if there is room now. At 0 nobody
// can send.
//
// Only the owner, the creator or CAP_SYS_ADMIN may, and to more than
// kernel.msgmnb only with CAP_SYS_RESOURCE in the initial user namespace: others
// get [fs.ErrPermission]. A negative n is EINVAL. SetMaxBytes reads the owner
// and the permissions first: a change of those by another process in between is
// undone.
func (q *Queue) SetMaxBytes(n int) error {
	if n < 0 {
		return kind.Invalid("msgctl", q.key, q.id, fmt.Sprintf("MaxBytes of %d is negative", n))
	}
	stat, err := kind.KeepOwner(q.id)
	if err != nil {
		return err
	}
	return q.set(stat.UID, stat.GID, uint32(stat.Mode), uint64(n))
}

func (q *Queue) set(uid, gid, mode uint32, qbytes uint64) error {
	if err := sys.MsgSet(q.id, uid, gid, mode, qbytes); err != nil {
		return q.error("msgctl", err, q.setHint(uid, gid, qbytes))
	}
	return nil
}

// Remove destroys the queue with all messages in it, at once (IPC_RMID). Whoever
// waits on it is woken with [sysv.ErrRemoved]. Only the owner, the creator or
// CAP_SYS_ADMIN may: others get [fs.ErrPermission].
func (q *Queue) Remove() error {
	if race.Enabled {
		race.Release(race.MsgRemoved, q.id, 0)
	}
	if err := sys.MsgRemove(q.id); err != nil {
		return q.error("msgctl", err, nil)
	}
	return nil
}

func (q *Queue) error(op string, err error, hint func(sys.Errno) string) error {
	err = kind.Error(op, q.key, q.id, err, hint)
	if race.Enabled && errors.Is(err, sysv.ErrRemoved) {
		race.Acquire(race.MsgRemoved, q.id, 0)
	}
	return err
}
