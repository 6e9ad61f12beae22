package inspect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/sysvipc/sysv/sem"
)

// semaphore is one of a set, at the time of a look.
type semaphore struct {
	Value   int `json:"value"`
	Waiters int `json:"ncount"` // for it to rise
	Zero    int `json:"zcount"` // for it to be 0
	PID     int `json:"pid"`    // of the last operation
}

// semaphores are those of a set, as far as they may be read.
type semaphores struct {
	all []semaphore
	err error
}

// shownValues is how many of a set's values are shown in a line: it can have 32000.
const shownValues = 12

// lookAt asks for each semaphore of a set: what makes a lock's waiters, or a dead last
// user, may be the last of thousands.
func lookAt(id int) semaphores {
	set, err := sem.OpenID(id)
	if err != nil {
		return semaphores{err: err}
	}
	values, err := set.Values()
	if err != nil {
		return semaphores{err: err}
	}
	s := semaphores{all: make([]semaphore, len(values))}
	for num, v := range values {
		up, errUp := set.Waiters(num)
		zero, errZero := set.ZeroWaiters(num)
		pid, errPID := set.LastPID(num)
		if err := errors.Join(errUp, errZero, errPID); err != nil {
			return semaphores{err: err}
		}
		s.all[num] = semaphore{v, up, zero, pid}
	}
	return s
}

// values are the first few, as text.
func (s semaphores) values(few int) string {
	if s.err != nil {
		return "may not be read"
	}
	var b strings.Builder
	for i, v := range s.all[:min(len(s.all), few)] {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, v.Value)
	}
	if len(s.all) > few {
		fmt.Fprintf(&b, " … (%d)", len(s.all))
	}
	return b.String()
}

// waiting says who waits for which.
func (s semaphores) waiting() string {
	var waits []string
	for num, v := range s.all {
		if v.Waiters > 0 {
			waits = append(waits, fmt.Sprintf("%d for %d", v.Waiters, num))
		}
		if v.Zero > 0 {
			waits = append(waits, fmt.Sprintf("%d for %d to be 0", v.Zero, num))
		}
	}
	return strings.Join(waits, ", ")
}

// pids are who used them last, each once.
func (s semaphores) pids() (pids []int) {
	for _, v := range s.all {
		if !slices.Contains(pids, v.PID) {
			pids = append(pids, v.PID)
		}
	}
	return pids
}
