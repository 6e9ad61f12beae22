package lock

import (
	"slices"
	"testing"
)

// A mutant is the protocol with a fault.
type mutant struct {
	name string
	faults
	in     scenario
	breaks property
}

// then is a fault of order. Each of its lines is where a machine goes from, where it
// would go, and where it goes.
func then(does activity, lines ...[3]place) map[turnoff]place {
	t := map[turnoff]place{}
	for _, l := range lines {
		t[turnoff{does, l[0], l[1]}] = l[2]
	}
	return t
}

// withoutUndo is a fault of what is done at a place.
func withoutUndo(at place) faults {
	return faults{onTry: func(a *access, do ops) (bool, error) {
		if a.at != at && !(a.at == beginning && at == living) { // the model begins with members
			return a.try(do)
		}
		var bare ops
		for _, o := range do {
			bare = append(bare, op{of: o.of, delta: o.delta})
		}
		return a.try(bare)
	}}
}

// withoutW is a fault of who takes the mutex at a place.
func withoutW(at place) faults {
	return faults{onSwap: func(a *access, old, new uint32) bool {
		if a.at == at {
			new &^= waiters
		}
		return a.swap(old, new)
	}}
}

// byStore is a fault of who changes the word at a place.
func byStore(at place) faults {
	return faults{onSwap: func(a *access, old, new uint32) bool {
		if a.at == at {
			old = a.load()
		}
		return a.swap(old, new)
	}}
}

// mutants show that each of these orders and rules is needed, and that the
// checker would see it fail.
func mutants() []mutant {
	pair := scenario{processes: 2, rounds: 1, ends: 1}
	pairAgain := scenario{processes: 2, rounds: 1, ends: 2, starts: 1}
	pairOften := scenario{processes: 2, rounds: 1, ends: 3, starts: 2}
	pairJoins := scenario{processes: 2, rounds: 1, ends: 1, starts: 1, joining: true}
	pairKeeps := scenario{processes: 2, rounds: 1, keeps: true}
	pairHurries := scenario{processes: 2, rounds: 2, keeps: true, looks: 1}
	three := scenario{processes: 3, rounds: 1, ends: 1, try: true, cancel: true, refuse: true}
	threeKeep := scenario{processes: 3, rounds: 1, keeps: true}
	removal := scenario{processes: 3, rounds: 1, ends: 1, removals: 1}
	return []mutant{
		// Two joiners count one generation on; the first is thought dead.
		{name: "JOIN: without the door", in: pairJoins, breaks: mutualExclusion, faults: faults{then: then(enters,
			[3]place{beginning, knocking, picking}, [3]place{living, closing, done})}},
		{name: "JOIN: the door given back before the slot is alive", in: pairJoins, breaks: mutualExclusion, faults: faults{then: then(enters,
			[3]place{raising, living, closing}, [3]place{closing, done, living}, [3]place{living, closing, done})}},
		// A waiter takes the dead owner's token, finds the slot alive and the
		// generation the same, and waits for the joiner, who is not armed.
		{name: "JOIN: the generation raised after the slot is alive", in: pairAgain, breaks: noLostWakeUp, faults: faults{then: then(enters,
			[3]place{passing, raising, living}, [3]place{living, closing, raising}, [3]place{raising, living, closing})}},
		// A process waits for itself.
		{name: "JOIN: a generation that the word names is not passed over", breaks: noLostWakeUp,
			in: scenario{processes: 1, rounds: 1, ends: 2, starts: 2, wraps: 1}, faults: faults{then: then(enters,
				[3]place{numbering, passing, raising})}},
		// A killed joiner shuts the others out.
		{name: "JOIN: the door taken without UNDO", in: pairJoins, breaks: noLostWakeUp, faults: faults{
			onWait: func(a *access, do ops) (bool, error) {
				if a.at == knocking {
					do = ops{{of: door, delta: -1}}
				}
				return a.wait(do)
			}}},
		// A joiner's end lets two enter at once.
		{name: "JOIN: the door given back without UNDO", in: pairJoins, breaks: mutualExclusion, faults: withoutUndo(closing)},
		{name: "JOIN: alive without UNDO, no slot is left", in: pairAgain, breaks: slotForEach, faults: withoutUndo(living)},
		{name: "JOIN: alive without UNDO, an owner's end is not seen", in: pair, breaks: noLostWakeUp, faults: withoutUndo(living)},

		// An owner's end wakes nobody, nor does that of a waiter with a token.
		{name: "ARM: left out", in: pair, breaks: noLostWakeUp, faults: faults{arming: never}},
		{name: "ARM: after the first step", in: pair, breaks: noLostWakeUp, faults: faults{arming: afterFirst}},
		{name: "ARM: before the first wait", in: pair, breaks: noLostWakeUp, faults: faults{arming: beforeWait}},
		// The token was for a waiter, and who drained it is killed.
		{name: "ARM: a drain leaves no token", in: pairOften, breaks: noLostWakeUp, faults: faults{
			onTry: func(a *access, do ops) (bool, error) {
				if a.at == draining {
					do = do[:1]
				}
				return a.try(do)
			}}},
		// SETVAL disarms every process.
		{name: "ARM: a drain by SETVAL", in: pairOften, breaks: noLostWakeUp, faults: faults{
			onTry: func(a *access, do ops) (bool, error) {
				if a.at != draining {
					return a.try(do)
				}
				a.values[index(tokens)] = 1
				for i := range a.process {
					a.process[i].undo[index(tokens)] = 0
				}
				return true, nil
			}}},

		// The owner need not wake anybody.
		{name: "LOCK: W is not set", in: pair, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{looking, marking, asking})}},
		// A second waiter is forgotten.
		{name: "LOCK: a free one taken without W", in: three, breaks: noLostWakeUp, faults: withoutW(entering)},
		{name: "LOCK: a dead one's taken without W", in: three, breaks: noLostWakeUp, faults: withoutW(succeeding)},
		// The owner ends and its slot is used again in between: the one is too old,
		// the other too new.
		{name: "LOCK: generation before liveness", in: pairAgain, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{looking, asking, comparing}, [3]place{marking, asking, comparing},
			[3]place{comparing, sleeping, asking}, [3]place{asking, comparing, sleeping})}},
		{name: "LOCK: no look at the generation", in: pairAgain, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{asking, comparing, sleeping})}},
		{name: "LOCK: no look at the liveness", in: pair, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{looking, asking, comparing}, [3]place{marking, asking, comparing})}},
		{name: "LOCK: no waiting", in: pair, breaks: everyCallEnds, faults: faults{then: then(locks,
			[3]place{comparing, sleeping, looking})}},
		{name: "LOCK: a dead one's taken by a store", in: three, breaks: mutualExclusion, faults: byStore(succeeding)},
		{name: "LOCK: GETVAL's error read as dead", in: three, breaks: mutualExclusion, faults: faults{
			onValue: func(a *access, of semaphore) (int, error) {
				n, err := a.value(of)
				if err == errRefused {
					return 0, nil
				}
				return n, err
			}}},
		// Another waits, and the token was the dead owner's, the last there was.
		{name: "LOCK: GETVAL's error returned without leaving another the token", in: three, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{asking, handing, done})}},
		{name: "LOCK: the context's error returned after a token was taken", in: three, breaks: noLostWakeUp, faults: faults{
			onWait: func(a *access, do ops) (bool, error) {
				if a.call == cancelled {
					a.try(do)
				}
				return a.wait(do)
			}}},
		// The swap fails: the owner had unlocked before it ended, or another took over.
		{name: "LOCK: abandoned marked before it is taken", in: three, breaks: abandonedIsExact, faults: faults{then: then(locks,
			[3]place{asking, succeeding, dirtying}, [3]place{comparing, succeeding, dirtying},
			[3]place{dirtying, recording, succeeding}, [3]place{succeeding, dirtying, recording})}},
		{name: "LOCK: abandoned not marked", in: three, breaks: abandonedIsExact, faults: faults{then: then(locks,
			[3]place{succeeding, dirtying, recording})}},
		// Another has taken over and unlocked since.
		{name: "LOCK: the marks read before it is taken", in: three, breaks: abandonedIsExact, faults: faults{then: then(locks,
			[3]place{beginning, trying, reading}, [3]place{reading, done, trying}, [3]place{trying, reading, done},
			[3]place{entering, reading, done})}},
		{name: "LOCK: the marks not read", in: three, breaks: abandonedIsExact, faults: faults{then: then(locks,
			[3]place{trying, reading, done}, [3]place{entering, reading, done})}},

		// Who took the token is stopped.
		{name: "LOCK: waits have no end", in: scenario{processes: 3, rounds: 1, stops: 1}, breaks: noLostWakeUp, faults: faults{noEndOfWaits: true}},
		// Who has waited long has given up.
		{name: "LOCK: what is kept waited for, also after a wait", in: scenario{processes: 2, rounds: 1, cancel: true, keeps: true},
			breaks: noLostWakeUp, faults: faults{then: then(locks, [3]place{looking, claiming, sleeping})}},
		// A second waiter is forgotten.
		{name: "LOCK: what is kept taken without W", in: threeKeep, breaks: noLostWakeUp, faults: withoutW(claiming)},
		{name: "LOCK: what is kept taken without a wait", in: pairHurries, breaks: noneOvertakes, faults: faults{then: then(locks,
			[3]place{looking, sleeping, claiming})}},
		// Who comes waits for a token.
		{name: "UNLOCK: no token where it is kept", in: pairKeeps, breaks: noLostWakeUp, faults: faults{
			onTry: func(a *access, do ops) (bool, error) {
				if a.at == waking && a.load() == kept {
					return true, nil
				}
				return a.try(do)
			}}},
		{name: "UNLOCK: the token before it is kept", in: pairKeeps, breaks: noLostWakeUp, faults: wakingFirst},
		{name: "UNLOCK: no look at the marks", in: pairHurries, breaks: noneOvertakes, faults: faults{then: then(unlocks,
			[3]place{looking, judging, giving})}},

		// The waiter finds the mutex held, with W, and waits again.
		{name: "UNLOCK: the token before it is given back", in: pair, breaks: noLostWakeUp, faults: wakingFirst},
		{name: "UNLOCK: no token", in: pair, breaks: noLostWakeUp, faults: faults{then: then(unlocks,
			[3]place{giving, waking, done})}},
		// W is set in between, and overwritten.
		{name: "UNLOCK: the first step a store", in: pair, breaks: noLostWakeUp, faults: byStore(freeing)},
		// Each token takes one from what the process's end will add.
		{name: "UNLOCK: the token with UNDO", in: scenario{processes: 2, rounds: 2, ends: 1}, breaks: noLostWakeUp, faults: faults{
			onTry: func(a *access, do ops) (bool, error) {
				if a.at == waking {
					do = ops{{of: tokens}, {tokens, +1, true}}
				}
				return a.try(do)
			}}},

		// Members who are told by nothing go on.
		{name: "REMOVE: no mark", in: removal, breaks: noneEntersRemoved, faults: faults{then: then(removes,
			[3]place{beginning, condemning, looking})}},
		{name: "WATCH: no mark", in: removal, breaks: noneEntersRemoved, faults: faults{then: then(watches,
			[3]place{beginning, condemning, looking})}},
		// It was free when it was marked, and taken before the word was shut.
		{name: "LOCK: the marks not read, and the group is removed", in: removal, breaks: noneEntersRemoved, faults: faults{then: then(locks,
			[3]place{trying, reading, done})}},
		// A waiter has set W meanwhile, and who removes the group is killed.
		{name: "LOCK: what is removed given back without a token", in: removal, breaks: noLostWakeUp, faults: faults{
			onTry: func(a *access, do ops) (bool, error) {
				if a.at == returning {
					return true, nil
				}
				return a.try(do)
			}}},
		{name: "LOCK: what is removed given back by a store", in: removal, breaks: noLostWakeUp, faults: faults{
			onSwap: func(a *access, old, new uint32) bool {
				if a.at == returning {
					a.world.word = new
					a.process[a.who].locking.back.seen &^= waiters
					return true
				}
				return a.swap(old, new)
			}}},
		// Who waits as well has no token.
		{name: "LOCK: what is removed left without leaving another the token", in: removal, breaks: noLostWakeUp, faults: faults{then: then(locks,
			[3]place{looking, handing, done})}},

		// The unlocker is killed, no longer armed.
		{name: "LEAVE: before UNLOCK has left a token", in: pair, breaks: noLostWakeUp, faults: faults{leavesBeforeWaking: true}},
		{name: "LEAVE: not refused while the mutex is held", in: scenario{processes: 2, rounds: 1, leaves: 1}, breaks: abandonedIsExact, faults: faults{leavesWhileHeld: true}},
		// Its two steps could change places, for who leaves neither holds nor waits.
		// But the end of one that has left makes the slot's next process seem dead.
		{name: "LEAVE: without UNDO", in: scenario{processes: 2, rounds: 1, ends: 2, starts: 2, leaves: 1}, breaks: mutualExclusion, faults: withoutUndo(quitting)},

		// The waiter that is woken finds the owner alive.
		{name: "an end undoes tokens before liveness, as of two sets", in: pair, breaks: noLostWakeUp, faults: faults{undoneApart: true}},
		// A locker finds an owner dead and pauses. The slot is used as often as there
		// are generations, and the word is again what the locker saw.
		{name: "a generation comes round in a pause", breaks: mutualExclusion,
			in: scenario{processes: 2, rounds: 1, ends: 2, starts: 2, wraps: 2}},
	}
}

var wakingFirst = faults{then: then(unlocks,
	[3]place{judging, giving, waking}, [3]place{waking, done, giving}, [3]place{giving, waking, done})}

// TestModelMutants: with a fault it has not.
func TestModelMutants(t *testing.T) {
	noRaces(t)
	all := slices.Concat(mutants(), rwMutants())
	t.Logf("lock model: %d faults", len(all))
	for _, mu := range all {
		t.Run(mu.name, func(t *testing.T) {
			found := explore(model{scenario: mu.in, faults: mu.faults, only: mu.breaks})
			if found.broken == "" {
				t.Fatalf("%s holds nonetheless, in all of %d states", mu.breaks, found.states)
			}
			t.Logf("%s does not hold, found among %d states:\n%s", found.broken, found.states, found.trace)
		})
	}
}
