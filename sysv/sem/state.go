package sem

import (
	"errors"
	"time"

	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

// The states of a set that is to be opened.
const (
	ready      = iota
	young      // it may get its values any moment
	unfinished // it has them, and bears the mark of what is in the making still
	dead       // its creator left it half-made
)

// state is that of the set now.
func (s *Set) state() (int, error) {
	looked := time.Now()
	stat, err := kind.Look(s.id)
	if err != nil {
		return 0, err
	}
	if !s.is(stat) {
		return 0, s.replaced("semctl")
	}
	if stat.Mode != object.Making {
		return s.foreignState(stat, looked)
	}
	if kind.Watched(s.id, s.key, stat.CTime, looked) < object.Grace {
		return young, nil
	}
	if published(stat) {
		return unfinished, nil
	}
	awaited, err := s.any(s.Waiters, s.ZeroWaiters)
	if errors.Is(err, sys.EACCES) {
		err = nil
	}
	if awaited {
		return unfinished, err // as it is: somebody counts on it
	}
	return dead, err
}

// youth is how long a set that somebody else made, who gives values by another
// call than semget, may have none.
const youth = 2 * time.Second

// foreignState is that of a set that does not bear our mark. Nobody can tell one
// that is to have zeros from one whose creator died. semop sets sem_otime and
// SETVAL and SETALL set the last pids, which SETALL did not before Linux 4.6, so
// that a value counts as well; and a set that somebody waits on is in use.
func (s *Set) foreignState(stat Stat, looked time.Time) (int, error) {
	if !stat.OTime.IsZero() || time.Since(stat.CTime) >= youth {
		return ready, nil
	}
	// The clock that sem_ctime goes by may have been set back since.
	if kind.Watched(s.id, s.key, stat.CTime, looked) >= youth {
		return ready, nil
	}
	values, err := s.Values()
	for _, v := range values {
		if v > 0 {
			return ready, nil
		}
	}
	used := false
	if err == nil {
		used, err = s.any(s.LastPID, s.Waiters, s.ZeroWaiters)
	}
	if used || errors.Is(err, sys.EACCES) {
		return ready, nil // what can't be seen is not waited for
	}
	return young, err
}

// any tells whether one of these is not 0 for one of the semaphores.
func (s *Set) any(ask ...func(num int) (int, error)) (bool, error) {
	for num := range s.len {
		for _, f := range ask {
			n, err := f(num)
			if n > 0 || err != nil {
				return n > 0, err
			}
		}
	}
	return false, nil
}
