//go:build linux && !android

package sem_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv/sysvtest"
)

// Processes that are killed at any moment, with the lock or without, never
// leave it taken, given twice or free twice. SYSVIPC_STORM=full makes it long.
func TestMutexInAKillStorm(t *testing.T) {
	r := random(t)
	kills := storm(50, 3000)
	s := newGuarded(t)
	start := func() *sysvtest.Process {
		p := sysvtest.Start(t, visits, strconv.Itoa(s.ID()), strconv.Itoa(math.MaxInt))
		p.Expect("running")
		return p
	}
	victims := []*sysvtest.Process{start(), start(), start()}
	for i := range kills {
		if i%5 == 0 { // at a moment when it has the lock for sure
			startHolds(t, s, "Lock").Kill()
		} else {
			time.Sleep(time.Duration(r.IntN(int(2 * time.Millisecond))))
			victim := r.IntN(len(victims))
			victims[victim].Kill() // fails if it has ended by itself, with an error
			victims[victim] = start()
		}
		must(t, visit(s))
	}
	for _, p := range victims {
		p.Kill()
	}
	must(t, s.SetValue(counterNum, 0))
	wantValues(t, s, 1, 0, 0)
}
