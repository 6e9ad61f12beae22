package sem

import (
	"fmt"
	"slices"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
)

// Value returns a semaphore's value (GETVAL). It needs read permission, and a
// num of 0 to Len-1, as the other methods here do; else the error is
// [io/fs.ErrPermission] or EINVAL. What it says may be over by the time that
// it returns. See semctl(2).
func (s *Set) Value(num int) (int, error) { return s.get(num, sys.GETVAL) }

// LastPID returns the process that changed the semaphore last (GETPID): by an
// operation, by SetValue or SetValues, or by an undo at its end. It is 0 for
// none and for one that is not visible in the caller's PID namespace. Of a set that
// Create made it is the creator from the start, where the value is not 0.
func (s *Set) LastPID(num int) (int, error) { return s.get(num, sys.GETPID) }

// Waiters returns how many callers wait for the value to increase (GETNCNT,
// semncnt).
func (s *Set) Waiters(num int) (int, error) { return s.get(num, sys.GETNCNT) }

// ZeroWaiters returns how many callers wait for the value to become 0 (GETZCNT,
// semzcnt).
func (s *Set) ZeroWaiters(num int) (int, error) { return s.get(num, sys.GETZCNT) }

func (s *Set) get(num, cmd int) (int, error) {
	if err := s.checkNum(num); err != nil {
		return 0, err
	}
	v, err := s.ctl(num, cmd)
	if race.Enabled && err == nil {
		s.observed(num, 1)
	}
	return v, err
}

// SetValue gives a semaphore a value of 0 to 32767, else ERANGE (SETVAL). It
// wakes who can go on now, and makes the kernel forget what Undo remembers of
// this semaphore, for all processes. It needs write permission.
func (s *Set) SetValue(num, value int) error {
	if err := s.checkNum(num); err != nil {
		return err
	}
	if value < 0 || value > sys.SEMVMX {
		return &sysv.Error{Op: "semctl", Key: s.key, ID: s.id, Err: sys.ERANGE,
			Hint: fmt.Sprintf("value %d is outside 0 to %d", value, sys.SEMVMX)}
	}
	if err := s.checkSame(); err != nil {
		return err
	}
	if race.Enabled {
		s.giving(num, 1)
	}
	if err := sys.SemSetval(s.id, num, value); err != nil {
		return s.error("semctl", err, nil)
	}
	return nil
}

// Values returns the values of all semaphores at one instant (GETALL). It needs
// read permission.
func (s *Set) Values() ([]int, error) { return s.AppendValues(nil) }

// AppendValues is Values that appends to dst, for who looks often at a large set:
// where dst has room nothing is allocated. On an error it returns dst.
func (s *Set) AppendValues(dst []int) ([]int, error) {
	g, err := newGuarded(s.len)
	if err != nil {
		return dst, s.error("mmap", err, nil)
	}
	defer g.free()
	if err := s.getall(g.vals); err != nil {
		return dst, err
	}
	if race.Enabled {
		s.observed(0, s.len)
	}
	old := len(dst)
	dst = slices.Grow(dst, s.len)[:old+s.len]
	widen(dst[old:], g.vals)
	return dst, nil
}

// widen is eight at a time, for an eighth of the bounds checks.
func widen(values []int, vals []uint16) {
	n := len(vals) - len(vals)%8
	for i := 0; i < n; i += 8 {
		to, from := (*[8]int)(values[i:]), (*[8]uint16)(vals[i:])
		to[0], to[1], to[2], to[3] = int(from[0]), int(from[1]), int(from[2]), int(from[3])
		to[4], to[5], to[6], to[7] = int(from[4]), int(from[5]), int(from[6]), int(from[7])
	}
	for i, v := range vals[n:] {
		values[n+i] = int(v)
	}
}

// SetValues gives all semaphores their values at one instant, one for each,
// 0 to 32767, else ERANGE (SETALL). It wakes who can go on now, and makes the
// kernel forget what Undo remembers of the set, for all processes. It needs
// write permission. On an error no value has changed.
func (s *Set) SetValues(values []int) error {
	if len(values) != s.len {
		return kind.Invalid("semctl", s.key, s.id, fmt.Sprintf("%d values for %d semaphores", len(values), s.len))
	}
	vals, err := kernelValues("semctl", s.key, s.id, values)
	if err != nil {
		return err
	}
	if err := s.checkSame(); err != nil {
		return err
	}
	if race.Enabled {
		s.giving(0, s.len)
	}
	return s.setall(vals)
}

// checkNum is ours because the kernel's number has 32 bits here and 16 in an
// operation, and because its EINVAL would look like that of a removed set.
func (s *Set) checkNum(num int) error {
	if num < 0 || num >= s.len {
		return kind.Invalid("semctl", s.key, s.id, fmt.Sprintf("semaphore %d, the set has %d", num, s.len))
	}
	return nil
}
