package sem

import (
	"fmt"
	"runtime"
	"sync"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// guarded is room for the values of a set that ends where memory begins that
// can't be accessed. GETALL and SETALL copy as many values as the set has at
// that instant, and by then the id may have come to mean a longer one: in Go's
// memory the kernel would overwrite, or publish, what stands behind.
type guarded struct {
	vals []uint16 // as many as were asked for, at the end of all
	all  []uint16
}

// guards are kept for the next call, as mapping memory takes longer than copying
// a set's values. The garbage collector empties the pool.
var guards sync.Pool

func newGuarded(n int) (*guarded, error) {
	g, _ := guards.Get().(*guarded)
	if g == nil || len(g.all) < n {
		all, err := sys.MapValues(n)
		if err != nil {
			return nil, err
		}
		g = &guarded{all: all}
		runtime.AddCleanup(g, sys.UnmapValues, all)
	}
	g.vals = g.all[len(g.all)-n:]
	return g, nil
}

func (g *guarded) free() { guards.Put(g) }

// noValue is what no semaphore has.
const noValue = 1<<16 - 1

// getall is GETALL into guarded memory. A set of another length is told by where
// the kernel stops: at the guard, or before the last value.
func (s *Set) getall(vals []uint16) error {
	last := &vals[len(vals)-1]
	*last = noValue
	err := sys.SemGetall(s.id, vals)
	if err == sys.EFAULT || err == nil && *last == noValue {
		return s.replaced("semctl")
	}
	if err != nil {
		return s.error("semctl", err, nil)
	}
	return nil
}

// setall is SETALL out of guarded memory. The kernel copies all values before it
// sets any, so that a longer set stays as it is.
func (s *Set) setall(vals []uint16) error {
	g, err := newGuarded(len(vals))
	if err != nil {
		return s.error("mmap", err, nil)
	}
	defer g.free()
	copy(g.vals, vals)
	err = sys.SemSetall(s.id, g.vals)
	if err == sys.EFAULT {
		return s.replaced("semctl")
	}
	if err != nil {
		return s.error("semctl", err, nil)
	}
	return nil
}

// creator is who made a set, which never changes.
type creator struct{ uid, gid uint32 }

func creatorOf(stat Stat) creator { return creator{stat.CUID, stat.CGID} }

// is tells whether stat may be of the set that this handle was made for.
func (s *Set) is(stat Stat) bool {
	return stat.Len == s.len && stat.Key == s.key && creatorOf(stat) == s.creator
}

// checkSame refuses what would be done to another set. Where IPC_STAT is
// forbidden it can't tell.
func (s *Set) checkSame() error {
	stat, err := kind.Stat(s.id)
	if err == nil && !s.is(stat) {
		return s.replaced("semctl")
	}
	return nil
}

// replaced is the error of a call that came upon another set.
func (s *Set) replaced(op string) error {
	return &sysv.Error{Op: op, Key: s.key, ID: s.id, Err: sysv.ErrRemoved,
		Hint: fmt.Sprintf("id %d has come to mean another set", s.id)}
}
