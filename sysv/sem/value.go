package sem

import (
	"fmt"

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
func (s *Set) Values() ([]int, error) {
	g, err := newGuarded(s.len)
	if err != nil {
		return nil, s.error("mmap", err, nil)
	}
	defer g.free()
	if err := s.getall(g.vals); err != nil {
		return nil, err
	}
	if race.Enabled {
		s.observed(0, s.len)
	}
	values := make([]int, s.len)
	for i, v := range g.vals {
		values[i] = int(v)
	}
	return values, nil
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
