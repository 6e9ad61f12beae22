//go:build linux && !android

package conformance

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// Values and last pids: semctl(2).
var semValueRows = []row{
	{"SEM-081", "what SETALL gives GETALL returns, for sets of any length", func(t *testing.T) {
		for _, values := range [][]int{{7}, {0, semMax, 1}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}} {
			s := newSet(t, make([]int, len(values))...)
			kit.Must(t, s.SetValues(values))
			wantSetValues(t, s, values...)
			for num, v := range values {
				wantSame(t, "value", kit.Number(t)(s.Value(num)), v)
			}
		}
	}},
	{"SEM-087", "GETPID is the process of the last operation on that semaphore", func(t *testing.T) {
		s := newSet(t, 0, 0)
		p := newSetPeer(t, s)
		p.want(nil, "do", sem.Op{Num: 1, Delta: +1})
		wantLastPIDs(t, s, os.Getpid(), p.pid())
		p.Finish()
		wantLastPIDs(t, s, os.Getpid(), p.pid())
		kit.Must(t, s.Do(forever, sem.Op{Num: 1, Delta: -1}))
		wantLastPIDs(t, s, os.Getpid(), os.Getpid())
	}},
	{"SEM-088", "SETVAL sets the last pid of its semaphore alone", func(t *testing.T) {
		s := bareSet(t, 3)
		kit.Must(t, s.SetValue(1, 0))
		wantLastPIDs(t, s, 0, os.Getpid(), 0)
		newSetPeer(t, s).want(nil, "set-value", 0, 4)
		if pid := kit.Number(t)(s.LastPID(0)); pid == 0 || pid == os.Getpid() {
			t.Errorf("last pid %d, want the peer's", pid)
		}
	}},
	{"SEM-089", "SETALL sets the last pid of every semaphore, since Linux 4.6", func(t *testing.T) {
		s := bareSet(t, 3)
		kit.Must(t, s.SetValues([]int{0, 1, 0}))
		wantLastPIDs(t, s, os.Getpid(), os.Getpid(), os.Getpid())
	}},
	{"SEM-091", "SETVAL gives the value that GETVAL returns, and nobody waits", func(t *testing.T) {
		s := newSet(t, 1, 1)
		for _, v := range []int{0, 5, semMax} {
			kit.Must(t, s.SetValue(1, v))
			wantSame(t, "value", kit.Number(t)(s.Value(1)), v)
			wantSame(t, "last pid", kit.Number(t)(s.LastPID(1)), os.Getpid())
			wantSame(t, "semncnt", kit.Number(t)(s.Waiters(1)), 0)
			wantSame(t, "semzcnt", kit.Number(t)(s.ZeroWaiters(1)), 0)
		}
		wantSetValues(t, s, 1, semMax)
	}},
	{"SEM-094", "SETVAL of what is outside 0 to SEMVMX is ERANGE and changes nothing", func(t *testing.T) {
		s := newSet(t, 3)
		for _, v := range []int{-1, 32768, 65535, 65536} {
			kit.WantError(t, s.SetValue(0, v), syscall.ERANGE)
		}
		wantSetValues(t, s, 3)
		kit.Must(t, s.SetValue(0, semMax))
		wantSetValues(t, s, semMax)
	}},
	{"SEM-095", "SETALL with one value past SEMVMX is ERANGE and changes none", func(t *testing.T) {
		s := newSet(t, 3, 4)
		for _, values := range [][]int{{1, 32768}, {65535, 1}, {1, -1}, {1, 65536}} {
			kit.WantError(t, s.SetValues(values), syscall.ERANGE)
		}
		wantSetValues(t, s, 3, 4)
	}},
	{"SEM-096", "SETVAL looks at the value before the id; the number of the semaphore is looked at by the library, before both", func(t *testing.T) {
		s := newSet(t, 3)
		kit.WantError(t, s.SetValue(1, 32768), syscall.EINVAL)
		wantSetValues(t, s, 3)
		kit.Must(t, s.Remove())
		kit.WantError(t, s.SetValue(0, 32768), syscall.ERANGE)
		kit.WantError(t, s.SetValue(0, semMax), sysv.ErrRemoved)
	}},
	{"SEM-097", "semctl on a semaphore that the set has not is EINVAL, not semop's EFBIG", func(t *testing.T) {
		s := newSet(t, 3, 4)
		for name, call := range map[string]func(num int) error{
			"GETVAL":  func(num int) error { _, err := s.Value(num); return err },
			"GETPID":  func(num int) error { _, err := s.LastPID(num); return err },
			"GETNCNT": func(num int) error { _, err := s.Waiters(num); return err },
			"GETZCNT": func(num int) error { _, err := s.ZeroWaiters(num); return err },
			"SETVAL":  func(num int) error { return s.SetValue(num, 1) },
		} {
			for _, num := range []int{2, 65535, 65536, -1} {
				t.Run(fmt.Sprint(name, num), func(t *testing.T) { kit.WantError(t, call(num), syscall.EINVAL) })
			}
		}
		wantSetValues(t, s, 3, 4)
	}},
}

func wantLastPIDs(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	for num, pid := range want {
		wantSame(t, fmt.Sprintf("last pid of %d", num), kit.Number(t)(s.LastPID(num)), pid)
	}
}
