package sem

import (
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
)

// What the race detector is told, see package race. Adding to a semaphore is for
// those who take from it, and taking for those who wait for 0: as who took may
// only have done so because of another's adding, they come after both.

// releasing comes before ops are tried.
func (s *Set) releasing(ops []sys.Sembuf) {
	for _, op := range ops {
		switch {
		case op.Op > 0:
			race.Release(race.SemAdded, s.id, int(op.Num))
		case op.Op < 0:
			race.Release(race.SemTaken, s.id, int(op.Num))
		}
	}
}

// acquired comes after ops have been done.
func (s *Set) acquired(ops []sys.Sembuf) {
	for _, op := range ops {
		switch {
		case op.Op < 0:
			race.Acquire(race.SemAdded, s.id, int(op.Num))
		case op.Op == 0:
			s.observed(int(op.Num), 1)
		}
	}
}

// giving comes before n semaphores from num on are given values, which may be more
// or less than they had.
func (s *Set) giving(num, n int) {
	for ; n > 0; num, n = num+1, n-1 {
		race.Release(race.SemAdded, s.id, num)
		race.Release(race.SemTaken, s.id, num)
	}
}

// observed comes after the values of n semaphores from num on were read.
func (s *Set) observed(num, n int) {
	for ; n > 0; num, n = num+1, n-1 {
		race.Acquire(race.SemAdded, s.id, num)
		race.Acquire(race.SemTaken, s.id, num)
	}
}
