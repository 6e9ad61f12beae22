package shm

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// parentEnv names the segment that a child process is to share.
const parentEnv = "SYSVIPC_SEGMENT"

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
// segment with [FromParent]:
//
//	cmd.Env = append(os.Environ(), seg.Env())
func (s *Segment) Env() string { return fmt.Sprintf("%s=%d", parentEnv, s.id) }

// FromParent attaches the segment that a parent made with [Anonymous] and handed
// on with [Segment.Env]. If there is no such variable in the environment, or
// everybody who had the segment attached is gone, the error is
// [io/fs.ErrNotExist].
func FromParent() (*Mapping, error) {
	value, ok := os.LookupEnv(parentEnv)
	if !ok {
		return nil, fmt.Errorf("shm: no parent shares a segment: %s is not set: %w", parentEnv, os.ErrNotExist)
	}
	id, err := strconv.Atoi(value)
	if err != nil {
		return nil, fmt.Errorf("shm: %s=%q is no id", parentEnv, value)
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
