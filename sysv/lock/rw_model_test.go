package lock

import "testing"

// The exploration of the Mutex goes on to a RWMutex, of which that is the writers'
// part: the same processes and properties, with sharing, emptying and vacating. A
// Count of package event, which has an exploration of its own, is one step here: to
// tell wakes all who have announced themselves. A wait for it ends by itself, after
// some time, where somebody has died or is stopped: nobody may depend on that
// otherwise.

var smallRWScenarios = []scenario{
	{name: "a reader, a writer", rw: "RW", processes: 2, rounds: 2, ends: 2, try: true, cancel: true, looks: 1},
	{name: "both are both", rw: "BB", processes: 2, rounds: 1, ends: 2, try: true, cancel: true, downgrade: true, refuse: true},
	{name: "two readers, a writer", rw: "RRW", processes: 3, rounds: 1, ends: 2},
	{name: "long waits of a reader", rw: "RW", processes: 2, rounds: 3, admits: true, cancel: true},
	{name: "long waits of a reader and an end", rw: "RW", processes: 2, rounds: 2, admits: true, ends: 1},
	{name: "stops of a reader and a writer", rw: "RW", processes: 2, rounds: 2, admits: true, stops: 1},
	{name: "a reader's slot used again", rw: "BB", processes: 2, rounds: 1, ends: 2, starts: 1},
	{name: "readers joining", rw: "RW", processes: 2, rounds: 1, ends: 2, starts: 1, joining: true},
	{name: "removal of what is read", rw: "RW", processes: 2, rounds: 2, ends: 1, removals: 1},
}

var mediumRWScenarios = []scenario{
	{name: "a reader, two writers", rw: "RWW", processes: 3, rounds: 1, ends: 1},
	{name: "readers leaving", rw: "BB", processes: 2, rounds: 2, ends: 1, leaves: 1},
	{name: "two readers, a writer, contexts", rw: "RRW", processes: 3, rounds: 1, ends: 2, try: true, cancel: true},
	{name: "three are both", rw: "BBB", processes: 3, rounds: 1, ends: 1},
	{name: "two readers that wait long", rw: "RRW", processes: 3, rounds: 1, admits: true, cancel: true},
}

var largeRWScenarios = []scenario{
	{name: "two readers, a writer, two rounds", rw: "RRW", processes: 3, rounds: 2, ends: 1},
	{name: "three are both, all of it", rw: "BBB", processes: 3, rounds: 1, ends: 2, try: true, cancel: true, downgrade: true},
	{name: "long waits between two writers", rw: "RWW", processes: 3, rounds: 1, admits: true, keeps: true},
	{name: "a stop among two readers", rw: "RRW", processes: 3, rounds: 1, ends: 1, admits: true, stops: 1, looks: 1},
	{name: "three joining to read and to write", rw: "RBW", processes: 3, rounds: 1, ends: 1, joining: true},
	{name: "removal of what three want", rw: "RBW", processes: 3, rounds: 1, ends: 1, removals: 1},
	{name: "a pair that reads and writes", rw: "BB", processes: 2, rounds: 2, ends: 2, try: true, cancel: true, refuse: true, downgrade: true},
}

// rareRWMoves are as rareMoves.
var rareRWMoves = []deed{
	{does: shares, at: heeding, next: withdrawing},
	{does: shares, at: withdrawing, next: calling},
	{does: shares, at: peeking, next: visiting},
	{does: shares, at: looking, next: visiting},
	{does: shares, at: heeding, next: thanking},
	{does: shares, at: thanking, next: calling},
	{does: shares, at: comparing, next: inheriting},
	{does: shares, at: comparing, next: done},
	{does: shares, at: inheriting, next: looking},
	{does: shares, at: inheriting, next: staying},
	{does: shares, at: inheriting, next: done},
	{does: shares, at: sleeping, next: looking},
	{does: shares, at: sleeping, next: looking, call: looksAgain},
	{does: shares, at: sleeping, next: done, call: cancelled},
	{does: shares, at: sleeping, next: thanking, call: cancelled},
	{does: shares, at: asking, next: done, call: refused},
	{does: shares, at: looking, next: done},
	{does: shares, at: returning, next: telling},
	{does: empties, at: asking, next: viewing},
	{does: empties, at: asking, next: opening},
	{does: empties, at: asking, next: done},
	{does: empties, at: asking, next: done, call: refused},
	{does: empties, at: sleeping, next: viewing},
	{does: empties, at: sleeping, next: viewing, call: looksAgain},
	{does: empties, at: sleeping, next: done, call: cancelled},
	{does: empties, at: sleeping, next: barring, call: cancelled},
	{does: empties, at: forgetting, next: viewing},
	{does: empties, at: barring, next: measuring},
	{does: empties, at: barring, next: done},
	{does: empties, at: viewing, next: occupying},
	{does: vacates, at: staying, next: emerging},
	{does: vacates, at: telling, next: done},
	{does: enters, at: clearing, next: widening},
	{does: removes, at: telling, next: calling},
}

// TestRWModel: so has the protocol of the RWMutex.
func TestRWModel(t *testing.T) {
	noRaces(t)
	exploreAll(t, smallRWScenarios, mediumRWScenarios, largeRWScenarios, rareRWMoves)
}

// rwMutants are as mutants.
func rwMutants() []mutant {
	pair := scenario{rw: "RW", processes: 2, rounds: 2}
	pairDies := scenario{rw: "BB", processes: 2, rounds: 1, ends: 1}
	three := scenario{rw: "BBW", processes: 3, rounds: 1, ends: 1}
	pairAgain := scenario{rw: "BB", processes: 2, rounds: 1, ends: 1, starts: 1}
	downgrades := scenario{rw: "BW", processes: 2, rounds: 1, downgrade: true}
	hurries := scenario{rw: "RW", processes: 2, rounds: 3, admits: true}
	givesUp := scenario{rw: "RW", processes: 2, rounds: 3, admits: true, cancel: true}
	stops := scenario{rw: "RW", processes: 2, rounds: 2, admits: true, stops: 1}
	return []mutant{
		// A writer goes from slot to slot in between.
		{name: "RLOCK: the word read before it is counted in", in: pair, breaks: mutualExclusion, faults: faults{then: then(shares,
			[3]place{beginning, visiting, facing}, [3]place{heeding, done, visiting}, [3]place{visiting, facing, done})}},
		{name: "RLOCK: no look between announcing and sleeping", in: pair, breaks: noLostWakeUp, faults: faults{then: then(shares,
			[3]place{announcing, looking, sleeping})}},
		{name: "RLOCK: not announced", in: pair, breaks: noLostWakeUp, faults: faults{then: then(shares,
			[3]place{comparing, announcing, sleeping})}},
		// A writer saw it, and waits.
		{name: "RLOCK: nobody told of who was in for a moment", in: pair, breaks: noLostWakeUp, faults: faults{then: then(shares,
			[3]place{withdrawing, calling, looking})}},
		{name: "RLOCK: a dead writer waited for", in: pairDies, breaks: everyCallEnds, faults: faults{
			onValue: func(a *access, of semaphore) (int, error) {
				if a.process[a.who].does == shares {
					return 1, nil
				}
				return a.value(of)
			}, then: then(shares, [3]place{comparing, inheriting, announcing})}},
		// Another writer takes it, and finds nobody.
		{name: "RLOCK: counted in after a dead writer's mutex is given back", in: three, breaks: mutualExclusion, faults: faults{then: then(shares,
			[3]place{inheriting, staying, returning}, [3]place{returning, telling, staying}, [3]place{staying, returning, telling})}},
		{name: "RLOCK: without arming", in: scenario{rw: "BB", processes: 2, rounds: 1, ends: 2}, breaks: noLostWakeUp, faults: faults{arming: never}},

		{name: "RUNLOCK: nobody told", in: pair, breaks: noLostWakeUp, faults: faults{then: then(withdraws,
			[3]place{withdrawing, calling, done})}},
		{name: "RUNLOCK: told before it is counted out", in: pair, breaks: noLostWakeUp, faults: faults{then: then(withdraws,
			[3]place{beginning, withdrawing, calling}, [3]place{calling, done, withdrawing}, [3]place{withdrawing, calling, done})}},

		{name: "LOCK: readers not waited for", in: pair, breaks: mutualExclusion, faults: faults{then: then(empties,
			[3]place{beginning, measuring, occupying})}},
		{name: "LOCK: dead readers waited for", in: pairDies, breaks: everyCallEnds, faults: faults{
			onValue: func(a *access, of semaphore) (int, error) {
				if a.process[a.who].does == empties {
					return 1, nil
				}
				return a.value(of)
			}}},
		// It dies while it waits for readers, and has written nothing.
		{name: "LOCK: in before readers have gone", in: three, breaks: abandonedIsExact, faults: faults{then: then(empties,
			[3]place{beginning, measuring, occupying}, [3]place{occupying, done, measuring}, [3]place{viewing, occupying, done})}},
		{name: "LOCK: never in", in: pairDies, breaks: abandonedIsExact, faults: faults{orphaned: func(marks uint32) uint32 { return marks }}},
		{name: "LOCK: every dead owner was in", in: three, breaks: abandonedIsExact, faults: faults{orphaned: func(marks uint32) uint32 {
			return marks&^(inMark|openMark) | abandonedMark
		}}},
		{name: "LOCK: no look between announcing and sleeping for readers", in: pair, breaks: noLostWakeUp, faults: faults{then: then(empties,
			[3]place{announcing, viewing, sleeping})}},
		{name: "LOCK: not announced to readers", in: pair, breaks: noLostWakeUp, faults: faults{then: then(empties,
			[3]place{asking, announcing, sleeping})}},

		{name: "LOCK: readers that have waited long not let in", in: hurries, breaks: noneOvertakes, faults: faults{then: then(empties,
			[3]place{asking, opening, occupying})}},
		{name: "LOCK: they are not told", in: hurries, breaks: noLostWakeUp, faults: faults{then: then(empties,
			[3]place{opening, telling, measuring})}},
		{name: "LOCK: they are let in for good", in: hurries, breaks: mutualExclusion, faults: faults{then: then(empties,
			[3]place{viewing, barring, occupying})}},
		{name: "LOCK: they are not waited for", in: hurries, breaks: mutualExclusion, faults: faults{then: then(empties,
			[3]place{barring, measuring, occupying})}},
		{name: "LOCK: one that does not come is waited for", in: stops, breaks: noLostWakeUp, faults: faults{neverForgets: true}},
		{name: "RLOCK: a long wait not taken back", in: hurries, breaks: noLostWakeUp, faults: faults{then: then(shares,
			[3]place{heeding, thanking, done}), neverForgets: true}},
		{name: "RLOCK: nobody told that it has given up", in: givesUp, breaks: noLostWakeUp, faults: faults{then: then(shares,
			[3]place{thanking, calling, done}), neverForgets: true}},

		{name: "UNLOCK: readers not told", in: pair, breaks: noLostWakeUp, faults: faults{then: then(vacates,
			[3]place{returning, telling, done})}},
		{name: "UNLOCK: readers told before it is given back", in: pair, breaks: noLostWakeUp, faults: faults{then: then(vacates,
			[3]place{emerging, returning, telling}, [3]place{telling, done, returning}, [3]place{returning, telling, done})}},
		// The next writer dies while it waits for readers.
		{name: "UNLOCK: in still", in: scenario{rw: "BWW", processes: 3, rounds: 1, ends: 1}, breaks: abandonedIsExact, faults: faults{then: then(vacates,
			[3]place{beginning, emerging, returning})}},
		// The next writer is in already.
		{name: "UNLOCK: in no more after it is given back", in: scenario{rw: "BWW", processes: 3, rounds: 1, ends: 1}, breaks: abandonedIsExact, faults: faults{then: then(vacates,
			[3]place{beginning, emerging, returning}, [3]place{returning, telling, emerging}, [3]place{emerging, returning, telling})}},
		{name: "DOWNGRADE: counted in after it is given back", in: downgrades, breaks: mutualExclusion, faults: faults{then: then(vacates,
			[3]place{beginning, staying, emerging}, [3]place{returning, telling, staying}, [3]place{staying, emerging, telling})}},

		// A writer waits for one that has died.
		{name: "JOIN: who read in the slot not forgotten", in: pairAgain, breaks: noLostWakeUp, faults: faults{then: then(enters,
			[3]place{passing, clearing, widening})}},
		{name: "JOIN: the slot not said to be in use", in: scenario{rw: "RW", processes: 2, rounds: 1, joining: true}, breaks: mutualExclusion, faults: faults{then: then(enters,
			[3]place{clearing, widening, raising})}},
	}
}
