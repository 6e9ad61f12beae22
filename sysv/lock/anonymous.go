package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/parent"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Anonymous makes a group of n mutexes and Config.RWMutexes to share with child
// processes, and joins it. It has no key and ends with its last member, as an Ephemeral
// group does: if he closes, nothing is left. If all are killed the kernel frees the
// memory, and leaves the semaphore set: the next Anonymous of the same user in this IPC
// namespace removes such sets.
//
// A child joins it by [Group.Env] and [FromParent], or is handed the ID and calls
// [OpenID]. One member at least must be there until the child is. (A process that is
// killed inside Anonymous itself, between two system calls, can leave the segment.)
// Errors are those of [Create].
func Anonymous(ctx context.Context, n int, cfg *Config) (*Group, error) {
	c, err := cfg.check(sysv.Private, n)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	removeOrphans()
	c.Ephemeral = true
	if err := enoughOperations(sysv.Private); err != nil {
		return nil, err
	}
	return createPrivate(ctx, n, c, (*shm.Segment).Remove)
}

// Env returns a variable for the environment of a child that is to join the group with
// [FromParent]. Where it is to join several each has a name, which may have letters,
// digits and _:
//
//	cmd.Env = append(os.Environ(), accounts.Env("accounts"), orders.Env("orders"), seg.Env())
func (g *Group) Env(name ...string) string { return parent.Group.Env(g.ID(), name...) }

// FromParent joins the group that a parent handed on with [Group.Env], by the same name.
// If there is no such variable in the environment, or no such group any more, the error
// is [io/fs.ErrNotExist]. Others are those of [OpenID].
func FromParent(ctx context.Context, cfg *OpenConfig, name ...string) (*Group, error) {
	id, err := parent.Group.ID(name...)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return OpenID(ctx, id, cfg)
}

// removeOrphans removes what this user's anonymous groups have left. A group's segment is
// there before its set, and while one of its members lives: a set that names one that is
// gone is nobody's. Where it can't be known nothing is removed, and the next one tries.
func removeOrphans() {
	sets, err := sem.List()
	if err != nil {
		return
	}
	me := uint32(os.Geteuid())
	for _, st := range sets {
		if st.Key != sysv.Private || st.Perm.CUID != me {
			continue
		}
		set, err := sem.OpenID(st.ID)
		if err != nil {
			continue
		}
		segment, ok, err := segmentOf(set)
		if !ok || err != nil {
			continue
		}
		if _, err := shm.OpenID(segment); errors.Is(err, fs.ErrNotExist) {
			set.Remove()
		}
	}
}
