package object

import (
	"fmt"
	"os"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// In a user namespace the kernel shows every id that is not mapped there as one
// and the same, the overflow id, which may be somebody's, too. What would take
// one for the other is refused here. See user_namespaces(7).

// ambiguous tells whether an id, as the kernel shows it, may stand for others. A
// process that is the overflow user itself takes it for its own: else it could
// do nothing.
func ambiguous(kind proc.IDKind, id uint32) bool {
	own := os.Geteuid()
	if kind == proc.GID {
		own = os.Getegid()
	}
	return id == kind.Overflow() && int(id) != own && !kind.MapsAll()
}

// KeepOwner returns what IPC_SET, which always sets an owner, is to be given so
// that he stays who he is.
func (k *Kind[T]) KeepOwner(id int) (T, error) {
	stat, err := k.Look(id)
	if err != nil {
		return stat, err
	}
	p := k.Perm(stat)
	for _, owner := range []struct {
		kind proc.IDKind
		id   uint32
	}{{proc.UID, p.UID}, {proc.GID, p.GID}} {
		if ambiguous(owner.kind, owner.id) {
			return stat, k.Invalid(k.Ctl, sysv.Private, id, fmt.Sprintf(
				"its owner can't be kept: %s %d also stands for whoever this user namespace does not map; SetPerm gives it a new one", owner.kind, owner.id))
		}
	}
	return stat, nil
}

// SetHint explains an errno of IPC_SET with this owner.
func SetHint(uid, gid uint32) func(sys.Errno) string {
	return func(errno sys.Errno) string {
		if errno != sys.EINVAL {
			return ""
		}
		return fmt.Sprintf("uid %d or gid %d is none (1<<32 - 1), or not mapped in this user namespace", uid, gid)
	}
}
