// A model checker for the lock's protocol. It runs the protocol's machines, those
// that the package itself runs, in every order in which their steps can follow one
// another, with kill -9 possible before each step, or a stop, and holds all that can
// come of it against the properties below.
//
// A world is the words, the semaphores, each process's adjustments (SEM_UNDO), which
// its end applies all at once, and the machines. An access to shared memory is one
// step, and so is a system call; memory is sequentially consistent, as Go's atomics
// are. Taking a token is a step of the waiter, where the kernel serves a sleeper as
// soon as there is one: the model has every order that the kernel has, and more.
//
// Not modelled are spinning, the queue of goroutines in a process, a second lock
// of the group, exec. A scenario bounds the rounds, ends and starts. A generation
// does not come round while a locker pauses: that would break mutual exclusion, as
// the last mutant shows.
//
// model_world_test.go is what the machines work on, model_moves_test.go what
// processes do with them, model_explore_test.go the search, model_mutant_test.go the
// protocol with faults. SYSVIPC_STORM=tenth explores the medium scenarios too,
// SYSVIPC_STORM=full all.

package lock

import (
	"slices"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/test/storm"
)

type property string

const (
	// No two live processes believe to hold the lock, and the word names the
	// one that does.
	mutualExclusion property = "mutual exclusion"
	// Where no process can go on, unless one calls, starts or ends or a context
	// does, none is in the middle of a call.
	noLostWakeUp property = "no lost wake-up"
	// No world comes about again after others. With noLostWakeUp it follows that
	// under every schedule each call ends, without a further call, start or end:
	// a live process that wants the lock gets it, also after an owner's end.
	everyCallEnds property = "every call ends"
	// Lock reports abandoned if and only if an owner ended while it held the
	// lock, and no other has called Repaired since.
	abandonedIsExact property = "abandoned is exact"
	// Live processes have different slots, and a joiner finds a free one.
	slotForEach property = "a slot for each"
	// Lock's errors are the context's, the kernel's, and that the group is removed.
	noOtherError property = "no other error"
	// Once a member has told all that the group is removed, no call takes the mutex
	// any more; by everyCallEnds all get an error.
	noneEntersRemoved property = "none enters what is removed"
	// Once a long wait is marked and a waiter has looked since, nobody who has not
	// waited gets the mutex before one who has. Who was just giving it back then, and
	// had read the marks before, lets in one, and those whom that one lets in before
	// a waiter looks again. TryLock and a takeover from the dead are other matters.
	noneOvertakes property = "none overtakes"
)

// scenario bounds what happens.
type scenario struct {
	name      string
	processes uint8
	rounds    uint8 // calls of Lock or TryLock by each process
	ends      uint8 // by kill -9, or by itself without Leave, which is the same
	starts    uint8 // of processes in place of those that have ended
	leaves    uint8
	joining   bool // the processes have yet to join and to arm
	try       bool // a round can be TryLock
	cancel    bool // a context can end while its call waits
	refuse    bool // GETVAL of a liveness can fail
	keeps     bool // a waiter can say that it has waited long
	// stops is how often a process is stopped in a call, or as the owner. looks is
	// how often a waiter looks again though nobody is stopped.
	stops, looks uint8
	// removals is how many tell all members that the group is removed: to remove the
	// set then, or as members who saw that the segment is gone.
	removals uint8
	// wraps is how often so many processes come and go in a slot that its generation
	// comes round.
	wraps uint8
	// rw is for a RWMutex, and has a letter for each process: W writes, R reads, B does
	// both. downgrade is for writers who go on as readers, admits for readers who can say
	// that they have waited long.
	rw                string
	downgrade, admits bool
	// highest is the highest value of a semaphore, 0 for one out of reach.
	highest int
}

var smallScenarios = []scenario{
	{name: "two ends", processes: 3, rounds: 1, ends: 2},
	{name: "three rounds of two", processes: 2, rounds: 3, ends: 2, cancel: true},
	{name: "TryLock, contexts", processes: 3, rounds: 1, ends: 2, try: true, cancel: true},
	{name: "GETVAL fails", processes: 3, rounds: 1, ends: 2, cancel: true, refuse: true},
	{name: "long waits of two", processes: 2, rounds: 2, ends: 2, try: true, cancel: true, keeps: true, looks: 1},
	{name: "stops and long waits", processes: 2, rounds: 2, ends: 1, keeps: true, stops: 1, looks: 1},
	{name: "a slot used again", processes: 2, rounds: 1, ends: 2, starts: 1, try: true, cancel: true},
	{name: "joining", processes: 2, rounds: 1, ends: 2, starts: 1, joining: true, cancel: true},
	{name: "leaving", processes: 2, rounds: 2, ends: 1, leaves: 2},
	{name: "highest value", processes: 2, rounds: 1, ends: 3, starts: 2, highest: 2},
	{name: "generations come round", processes: 1, rounds: 1, ends: 3, starts: 3, wraps: 2},
	{name: "stops while joining", processes: 2, rounds: 1, ends: 1, starts: 1, joining: true, cancel: true, stops: 1},
	{name: "removal of what is kept", processes: 2, rounds: 2, ends: 1, try: true, keeps: true, removals: 1},
}

var mediumScenarios = []scenario{
	{name: "long waits", processes: 3, rounds: 1, ends: 1, try: true, cancel: true, keeps: true},
	{name: "stops", processes: 3, rounds: 1, ends: 1, stops: 1},
	{name: "removal", processes: 3, rounds: 1, ends: 1, removals: 1},
}

var largeScenarios = []scenario{
	{name: "two rounds", processes: 3, rounds: 2, ends: 1},
	{name: "two rounds, two ends", processes: 3, rounds: 2, ends: 2, try: true, cancel: true},
	{name: "two rounds, a start", processes: 3, rounds: 2, ends: 1, starts: 1},
	{name: "three rounds", processes: 3, rounds: 3, ends: 1, cancel: true},
	{name: "three ends, a start", processes: 3, rounds: 1, ends: 3, starts: 1, try: true, cancel: true, refuse: true},
	{name: "two ends, two starts", processes: 3, rounds: 1, ends: 2, starts: 2},
	{name: "long waits of three", processes: 3, rounds: 2, ends: 1, cancel: true, keeps: true},
	{name: "stops and long waits of three", processes: 3, rounds: 1, ends: 1, cancel: true, keeps: true, stops: 2, looks: 1},
	{name: "three joining", processes: 3, rounds: 1, ends: 2, joining: true, try: true, cancel: true},
	{name: "three joining, a start", processes: 3, rounds: 1, ends: 1, starts: 1, joining: true},
	{name: "three leaving", processes: 3, rounds: 1, ends: 1, leaves: 2, cancel: true},
	{name: "highest value of three", processes: 3, rounds: 1, ends: 2, starts: 1, leaves: 1, highest: 2},
	{name: "three joining, a stop", processes: 3, rounds: 1, ends: 1, joining: true, cancel: true, stops: 1},
	{name: "removal, two rounds", processes: 3, rounds: 2, ends: 1, removals: 1},
	{name: "two removals and a stop", processes: 2, rounds: 2, ends: 1, cancel: true, keeps: true, removals: 2, stops: 1},
	{name: "removal, long waits of three", processes: 3, rounds: 1, ends: 1, cancel: true, keeps: true, removals: 2},
	{name: "a pair with everything", processes: 2, rounds: 2, ends: 2, starts: 2, leaves: 1, joining: true, try: true, cancel: true, refuse: true},
}

// rareMoves are to be possible somewhere in the small scenarios: where nothing
// goes on, every property holds.
var rareMoves = []deed{
	{does: enters, at: knocking, next: done, call: cancelled},
	{does: enters, at: passing, next: passing},
	{does: enters, at: closing, next: done},
	{does: arms, at: draining, next: promising},
	{does: arms, at: promising, next: counting},
	{does: locks, at: looking, next: sleeping},
	{does: locks, at: entering, next: reading},
	{does: locks, at: entering, next: reading, early: true},
	{does: locks, at: trying, next: reading, early: true},
	{does: locks, at: entering, next: looking},
	{does: locks, at: marking, next: looking},
	{does: locks, at: comparing, next: succeeding},
	{does: locks, at: claiming, next: ending},
	{does: locks, at: claiming, next: looking},
	{does: locks, at: claiming, next: done},
	{does: locks, at: sleeping, next: looking, call: looksAgain},
	{does: locks, at: sleeping, next: done, call: cancelled},
	{does: locks, at: succeeding, next: dirtying},
	{does: locks, at: succeeding, next: looking},
	{does: locks, at: succeeding, next: done},
	{does: locks, at: asking, next: handing, call: refused},
	{does: locks, at: looking, next: handing},
	{does: locks, at: reading, next: returning},
	{does: locks, at: returning, next: done},
	{name: "Repaired()"},
	{does: unlocks, at: freeing, next: looking},
	{does: unlocks, at: giving, next: looking},
	{does: unlocks, at: waking, next: done},
	{does: removes, at: shutting, next: looking},
	{does: removes, at: done, next: done},
	{does: leaves, at: disarming, next: done},
}

// noRaces skips what takes ten times as long with -race, and is one goroutine.
func noRaces(t *testing.T) {
	if race.Enabled {
		t.Skip("skipping: there is nothing to race here: run go test without -race")
	}
}

// TestModel: the protocol has the properties.
func TestModel(t *testing.T) {
	noRaces(t)
	exploreAll(t, smallScenarios, mediumScenarios, largeScenarios, rareMoves)
}

// exploreAll explores the small scenarios, and as many of the others as is asked for.
func exploreAll(t *testing.T, smalls, mediums, larges []scenario, rareMoves []deed) {
	small, medium := len(smalls), len(smalls)+len(mediums)
	scenarios := slices.Concat(smalls, mediums, larges)
	scenarios = scenarios[:storm.Amount(storm.Size(small, medium), len(scenarios))]
	ran, states, possible := 0, 0, map[deed]bool{}
	for _, in := range scenarios {
		t.Run(in.name, func(t *testing.T) {
			ran++
			start := time.Now()
			found := explore(model{scenario: in})
			t.Logf("%d states, %d transitions, depth %d, %v",
				found.states, found.transitions, found.depth, time.Since(start).Round(time.Millisecond))
			states += found.states
			if found.broken != "" {
				t.Errorf("%s does not hold:\n%s", found.broken, found.trace)
			}
			for what := range found.possible {
				possible[what] = true
			}
		})
	}
	if ran < len(scenarios) { // the others were not asked for
		return
	}
	t.Logf("lock model: %d states in %d scenarios", states, ran)
	for _, what := range rareMoves {
		if !possible[what] {
			t.Errorf("never possible: %v", what)
		}
	}
}
