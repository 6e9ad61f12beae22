package object

import (
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// Error makes the error of a call that failed with err. id is -1 where there
// is none yet. hint, which may be nil, explains an errno that the call knows
// more about than is common to all.
//
// EINVAL for an id that no longer exists becomes ErrRemoved: the kernel says
// EIDRM only to those who were waiting when the object went.
func (k *Kind[T]) Error(op string, key sysv.Key, id int, err error, hint func(sys.Errno) string) error {
	e := &sysv.Error{Op: op, Key: key, ID: id, Err: err}
	errno, ok := err.(sys.Errno)
	if !ok {
		return e
	}
	if (errno == sys.EINVAL || errno == sys.EIDRM) && id >= 0 && k.gone(id) {
		e.Err = sysv.ErrRemoved
		e.Hint = "by ipcrm or IPC_RMID, or by systemd-logind at its owner's last logout (RemoveIPC)" + k.AlsoGone
		return e
	}
	if hint != nil {
		e.Hint = hint(errno)
	}
	if e.Hint == "" {
		e.Hint = k.commonHint(errno, id)
	}
	return e
}

// Invalid makes the error of a call that was never made, for a reason.
func (k *Kind[T]) Invalid(op string, key sysv.Key, id int, reason string) error {
	return &sysv.Error{Op: op, Key: key, ID: id, Err: sys.EINVAL, Hint: reason}
}

// Misfit makes the error of an object that exists with another size than is asked
// for.
func (k *Kind[T]) Misfit(op string, key sysv.Key, id int, reason string) error {
	return &sysv.Error{Op: op, Key: key, ID: id, Err: sysv.ErrSize, Hint: reason}
}

func (k *Kind[T]) gone(id int) bool {
	_, err := k.Stat(id)
	return err == sys.EINVAL || err == sys.EIDRM
}

func (k *Kind[T]) commonHint(errno sys.Errno, id int) string {
	switch errno {
	case sys.ENOSYS:
		return "a sandbox forbids it, the kernel lacks CONFIG_SYSVIPC, or it is older than Linux 5.1 on 386, mips, ppc64 or s390x"
	case sys.ENOENT:
		return k.nowhere("this key")
	case sys.EACCES, sys.EPERM:
		if id < 0 {
			return "no permission of an object's decides here: a sandbox (seccomp, a security module) forbids " + k.Get
		}
		if entry, ok := k.find(id); ok {
			p := k.Perm(entry)
			return fmt.Sprintf("created by uid %d, owned by uid %d, gid %d, mode %#o", p.CUID, p.UID, p.GID, uint32(p.Mode))
		}
	}
	return ""
}

// nowhere explains that there is no such object: mostly it is in another place
// than the process.
func (k *Kind[T]) nowhere(name string) string {
	return fmt.Sprintf("no %s has %s in this IPC namespace, of which each container or pod has its own (lsns -t ipc)", k.Noun, name)
}
