package shm

import (
	"errors"
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/parent"
	"example.com/sysvipc/sysv/internal/sys"
)

// Anonymous makes a segment of size bytes, all zero, to share with child
// processes: what mmap(2) with MAP_SHARED and MAP_ANONYMOUS and then fork are in
// C. It is attached, and marked for removal already: the kernel frees it when the
// last process that has it attached detaches or ends, however it ends, and
// nothing of it can be left behind. (A process that is killed inside Anonymous
// itself, between two system calls, can leave it.)
//
// A child gets it by [Segment.Env] and [FromParent], or is handed the ID and
// calls [OpenID]. The parent must stay attached until the child is. The mode is
// 0o600; errors are those of [Create] and [Segment.Attach]. An example has a
// parent and three children.
func Anonymous(size int) (*Segment, *Mapping, error) {
	seg, err := Create(sysv.Private, size, nil)
	if err != nil {
		return nil, nil, err
	}
	m, err := seg.Attach(nil)
	if err == nil {
		err = seg.Remove()
	}
	if err != nil {
		return nil, nil, errors.Join(err, seg.Remove())
	}
	return seg, m, nil
}

// Env returns a variable for the environment of a child that is to share the
// segment with [FromParent]. Where it is to share several each has a name, which may have
// letters, digits and _:
//
//	cmd.Env = append(os.Environ(), prices.Env("prices"), orders.Env("orders"))
func (s *Segment) Env(name ...string) string { return parent.Segment.Env(s.id, name...) }

// FromParent attaches the segment that a parent made with [Anonymous] and handed
// on with [Segment.Env], by the same name. If there is no such variable in the environment, or
// everybody who had the segment attached is gone, the error is
// [io/fs.ErrNotExist].
func FromParent(name ...string) (*Mapping, error) {
	id, err := parent.Segment.ID(name...)
	if err != nil {
		return nil, fmt.Errorf("shm: %w", err)
	}
	seg, err := OpenID(id)
	if err != nil {
		return nil, err
	}
	// An id that others have now would not be marked for removal.
	m, err := seg.Attach(nil)
	gone := &sysv.Error{Op: "shmat", ID: id, Err: sys.ENOENT, Hint: "the parent's segment is gone"}
	if errors.Is(err, sysv.ErrRemoved) {
		return nil, gone // since we found it
	}
	if err != nil {
		return nil, err
	}
	if stat, err := kind.Look(id); err != nil || !stat.Dest {
		gone.Hint += ", this is another's"
		err = errors.Join(err, gone)
		return nil, errors.Join(err, m.Detach())
	}
	return m, nil
}
