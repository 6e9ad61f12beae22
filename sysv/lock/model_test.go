// A model checker for the lock's protocol. It explores every order in which the
// steps of some processes can follow one another, with kill -9 possible before
// each step, and holds all that can come of it against the properties below.
//
// Modelled are the word, the slots' generations, the dirty flag, the semaphores
// and each process's adjustments (SEM_UNDO), which its end applies all at once.
// An access to shared memory is one step, and so is a system call; memory is
// sequentially consistent, as Go's atomics are. Taking a token is a step of the
// waiter, where the kernel serves a sleeper as soon as there is one: the model
// has every order that the kernel has, and more.
//
// Not modelled are spinning, the queue of goroutines in a process, a second lock
// of the group, exec. A scenario bounds the rounds, ends and starts, so nothing
// is said of fairness. Nor does a generation come round while a locker pauses:
// that would break mutual exclusion, as the last mutant shows.
//
// model_protocol_test.go is the protocol, model_explore_test.go the search.
// SYSVIPC_STORM=full explores the large scenarios too.

package lock_test

import (
	"cmp"
	"os"
	"slices"
	"testing"
	"time"
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
	// highest is the highest value of a semaphore, 0 for one out of reach.
	highest int
	// generations is after how many they come round, 0 for more than are used.
	generations uint8
}

var smallScenarios = []scenario{
	{name: "two ends", processes: 3, rounds: 1, ends: 2},
	{name: "two rounds", processes: 3, rounds: 2, ends: 1},
	{name: "TryLock, contexts", processes: 3, rounds: 1, ends: 2, try: true, cancel: true},
	{name: "GETVAL fails", processes: 3, rounds: 1, ends: 2, cancel: true, refuse: true},
	{name: "long waits", processes: 3, rounds: 1, ends: 1, try: true, cancel: true, keeps: true},
	{name: "long waits of two", processes: 2, rounds: 2, ends: 2, try: true, cancel: true, keeps: true, looks: 1},
	{name: "stops", processes: 3, rounds: 1, ends: 1, stops: 1},
	{name: "stops and long waits", processes: 2, rounds: 2, ends: 1, keeps: true, stops: 1, looks: 1},
	{name: "a slot used again", processes: 2, rounds: 1, ends: 2, starts: 1, try: true, cancel: true},
	{name: "joining", processes: 2, rounds: 1, ends: 2, starts: 1, joining: true, cancel: true},
	{name: "leaving", processes: 2, rounds: 2, ends: 1, leaves: 2},
	{name: "highest value", processes: 2, rounds: 1, ends: 3, starts: 2, highest: 2},
	{name: "generations come round", processes: 1, rounds: 1, ends: 3, starts: 3, generations: 2},
}

var largeScenarios = []scenario{
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
	{name: "a pair with everything", processes: 2, rounds: 2, ends: 2, starts: 2, leaves: 1, joining: true, try: true, cancel: true, refuse: true},
}

// rareMoves are to be possible somewhere in the small scenarios: where nothing
// goes on, every property holds.
var rareMoves = []string{
	"JOIN P(join): cancelled",
	"JOIN the word names g: g+1",
	"ARM [wake -v, wake +1]",
	"ARM [wake -v, wake +1]: EAGAIN",
	"ARM [wake +1, wake -1 UNDO]: ERANGE",
	"LOCK CAS(0 -> me|W): done",
	"LOCK CAS(0 -> me|W): fails",
	"LOCK CAS(s -> s|W): fails",
	"LOCK g != s's",
	"LOCK CAS(W -> me|W): done",
	"LOCK CAS(W -> me|W): fails",
	"LOCK s = word, W alone, but it has not slept",
	"TRY CAS(W -> me|W): fails, false",
	"LOCK P(wake): looks again",
	"LOCK CAS(s -> me|W): done, abandoned",
	"LOCK CAS(s -> me|W): fails",
	"TRY CAS(s -> me|W): fails, false",
	"LOCK P(wake): cancelled",
	"LOCK [wake 0, wake +1], GETVAL's error",
	"Repaired()",
	"UNLOCK CAS(me -> 0): fails",
	"UNLOCK [wake 0, wake +1]: EAGAIN",
	"LEAVE [wake +1 UNDO, wake -1]",
}

// TestModel: the protocol has the properties.
func TestModel(t *testing.T) {
	scenarios := smallScenarios
	if os.Getenv("SYSVIPC_STORM") == "full" {
		scenarios = slices.Concat(smallScenarios, largeScenarios)
	}
	ran, states, possible := 0, 0, map[string]bool{}
	for _, in := range scenarios {
		t.Run(in.name, func(t *testing.T) {
			ran++
			start := time.Now()
			found := explore(model{scenario: in, then: protocol()})
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
			t.Errorf("never possible: %s", what)
		}
	}
}

// rule is what a step of a mutant does otherwise.
type rule string

const (
	enterWithoutUndo rule = "JOIN: P(join) without UNDO"
	exitWithoutUndo  rule = "JOIN: V(join) without UNDO"
	aliveWithoutUndo rule = "JOIN: [slot +1] without UNDO"
	drainToZero      rule = "ARM: a drain leaves no token"
	drainBySetval    rule = "ARM: a drain by SETVAL"
	freeWithoutW     rule = "LOCK: CAS(0 -> me) in the loop"
	takeWithoutW     rule = "LOCK: CAS(s -> me) if the owner is dead"
	takeByStore      rule = "LOCK: me|W stored, without CAS, if the owner is dead"
	deadOnError      rule = "LOCK: GETVAL's error read as dead"
	errorKeepsToken  rule = "LOCK: GETVAL's error returned without leaving another the token"
	errorAfterToken  rule = "LOCK: the context's error returned after P(wake) has succeeded"
	waitWithoutEnd   rule = "LOCK: P(wake) without an end"
	keptForNobody    rule = "LOCK: W alone waited for, also after a wait"
	keptWithoutW     rule = "LOCK: CAS(W -> me)"
	keptWithoutPost  rule = "UNLOCK: no post where it is kept"
	unlockByStore    rule = "UNLOCK: 0 stored, without CAS, if no W was seen"
	postWithUndo     rule = "UNLOCK: the post with UNDO"
	leaveWhileHeld   rule = "LEAVE: not refused while the lock is held"
	leaveWithoutUndo rule = "LEAVE: [slot -1] without UNDO"
	undoneApart      rule = "an end undoes wake before liveness, as of two sets"
)

// mutant is the protocol with one fault: a rule, or other orders.
type mutant struct {
	rule   rule
	name   string
	orders [][]modelStep
	in     scenario
	breaks property
}

// mutants show that each of these orders and rules is needed, and that the
// checker would see it fail.
func mutants() []mutant {
	pair := scenario{processes: 2, rounds: 1, ends: 1}
	pairAgain := scenario{processes: 2, rounds: 1, ends: 2, starts: 1}
	pairOften := scenario{processes: 2, rounds: 1, ends: 3, starts: 2}
	pairJoins := scenario{processes: 2, rounds: 1, ends: 1, starts: 1, joining: true}
	three := scenario{processes: 3, rounds: 1, ends: 1, try: true, cancel: true, refuse: true}
	return []mutant{
		// Two joiners count one generation on; the first is thought dead.
		{name: "JOIN: no P(join)", in: pairJoins, breaks: mutualExclusion, orders: [][]modelStep{
			{atOutside, atJoinPick}, {atJoinAlive, atIdle}}},
		{name: "JOIN: V(join) before [slot +1]", in: pairJoins, breaks: mutualExclusion, orders: [][]modelStep{
			{atJoinGeneration, atJoinExit, atJoinAlive, atIdle}}},
		// A waiter takes the dead owner's token, finds the slot alive and the
		// generation the same, and waits for the joiner, who is not armed.
		{name: "JOIN: generation++ after [slot +1]", in: pairAgain, breaks: noLostWakeUp, orders: [][]modelStep{
			{atJoinPass, atJoinAlive, atJoinGeneration, atJoinExit}}},
		// A process waits for itself.
		{name: "JOIN: a generation that the word names is not passed over", breaks: noLostWakeUp,
			in: scenario{processes: 1, rounds: 1, ends: 2, starts: 2, generations: 2}, orders: [][]modelStep{
				{atJoinNumber, atJoinGeneration}}},
		// A killed joiner shuts the others out.
		{rule: enterWithoutUndo, in: pairJoins, breaks: noLostWakeUp},
		// A joiner's end lets two enter at once.
		{rule: exitWithoutUndo, in: pairJoins, breaks: mutualExclusion},
		{rule: aliveWithoutUndo, in: pairAgain, breaks: slotForEach},
		{rule: aliveWithoutUndo, in: pair, breaks: noLostWakeUp},

		// An owner's end wakes nobody, nor does that of a waiter with a token.
		{name: "ARM: left out", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onCall, atLockFirst}}},
		{name: "ARM: after the first CAS", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onCall, atLockFirst, atArmLook, atArmDrain, atArm, atLockReadDirty}}},
		{name: "ARM: before the first wait", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onCall, atLockFirst}, {onAlive, atArmLook, atArmDrain, atArm, atLockWait}}},
		// The token was for a waiter, and who drained it is killed.
		{rule: drainToZero, in: pairOften, breaks: noLostWakeUp},
		// SETVAL disarms every process.
		{rule: drainBySetval, in: pairOften, breaks: noLostWakeUp},

		// The owner need not post.
		{name: "LOCK: no CAS(s -> s|W)", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onUnmarked, onMarked}}},
		// A second waiter is forgotten.
		{rule: freeWithoutW, in: three, breaks: noLostWakeUp},
		{rule: takeWithoutW, in: three, breaks: noLostWakeUp},
		// The owner ends and its slot is used again in between: the one is too old,
		// the other too new.
		{name: "LOCK: generation before liveness", in: pairAgain, breaks: noLostWakeUp, orders: [][]modelStep{
			{onMarked, atLockGeneration, atLockAlive, onAlive}}},
		{name: "LOCK: no look at the generation", in: pairAgain, breaks: noLostWakeUp, orders: [][]modelStep{
			{onMarked, atLockAlive, onAlive}}},
		{name: "LOCK: no look at the liveness", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onMarked, atLockGeneration, onAlive}}},
		{name: "LOCK: no P(wake)", in: pair, breaks: everyCallEnds, orders: [][]modelStep{
			{onAlive, atLockLook}}},
		{rule: takeByStore, in: three, breaks: mutualExclusion},
		{rule: deadOnError, in: three, breaks: mutualExclusion},
		// Another waits, and the token was the dead owner's, the last there was.
		{rule: errorKeepsToken, in: three, breaks: noLostWakeUp},
		{rule: errorAfterToken, in: three, breaks: noLostWakeUp},
		// The CAS fails: the owner had unlocked before it ended, or another took over.
		{name: "LOCK: dirty = 1 before CAS(s -> me|W)", in: three, breaks: abandonedIsExact, orders: [][]modelStep{
			{onDead, atLockSetDirty, atLockTake, atHolding}}},
		{name: "LOCK: no dirty = 1", in: three, breaks: abandonedIsExact, orders: [][]modelStep{
			{onDead, atLockTake, atHolding}}},
		// Another has taken over and unlocked since.
		{name: "LOCK: dirty read before the CAS", in: three, breaks: abandonedIsExact, orders: [][]modelStep{
			{onCall, atArmLook, atArmDrain, atArm, atLockReadDirty, atLockFirst, atHolding}, {atLockFree, atHolding}}},
		{name: "LOCK: dirty not read", in: three, breaks: abandonedIsExact, orders: [][]modelStep{
			{atLockFirst, atHolding}, {atLockFree, atHolding}}},

		// Who took the token is stopped.
		{rule: waitWithoutEnd, in: scenario{processes: 3, rounds: 1, stops: 1}, breaks: noLostWakeUp},
		// Who has waited long has given up.
		{rule: keptForNobody, in: scenario{processes: 2, rounds: 1, cancel: true, keeps: true}, breaks: noLostWakeUp},
		// A second waiter is forgotten.
		{rule: keptWithoutW, in: scenario{processes: 3, rounds: 1, keeps: true}, breaks: noLostWakeUp},
		// Who comes waits for a token.
		{rule: keptWithoutPost, in: scenario{processes: 2, rounds: 1, keeps: true}, breaks: noLostWakeUp},
		{name: "UNLOCK: the post before W alone is stored", in: scenario{processes: 2, rounds: 1, keeps: true}, breaks: noLostWakeUp, orders: [][]modelStep{
			{onWaiters, atUnlockMark, atUnlockPost, atUnlockSwap, onReturn}}},

		// The waiter finds the lock held, with W, and waits again.
		{name: "UNLOCK: the post before the swap", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onWaiters, atUnlockPost, atUnlockSwap, onReturn}}},
		{name: "UNLOCK: no post", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{atUnlockSwap, onReturn}}},
		// W is set in between, and overwritten.
		{rule: unlockByStore, in: pair, breaks: noLostWakeUp},
		// Each post takes one from what the process's end will add.
		{rule: postWithUndo, in: scenario{processes: 2, rounds: 2, ends: 1}, breaks: noLostWakeUp},

		// The unlocker is killed, no longer armed.
		{name: "LEAVE: before UNLOCK has posted", in: pair, breaks: noLostWakeUp, orders: [][]modelStep{
			{onWaiters, atUnlockSwap, atLeaveAlive, atLeaveWake, atUnlockPost, atOutside}}},
		{rule: leaveWhileHeld, in: scenario{processes: 2, rounds: 1, leaves: 1}, breaks: mutualExclusion},
		// Its two steps could change places, for who leaves neither holds nor waits.
		// But the end of one that has left makes the slot's next process seem dead.
		{rule: leaveWithoutUndo, in: scenario{processes: 2, rounds: 1, ends: 2, starts: 2, leaves: 1}, breaks: mutualExclusion},

		// The waiter that is woken finds the owner alive.
		{rule: undoneApart, in: pair, breaks: noLostWakeUp},
		// A locker finds an owner dead and pauses. The slot is used as often as there
		// are generations, and the word is again what the locker saw.
		{name: "a generation of one bit", breaks: mutualExclusion,
			in: scenario{processes: 2, rounds: 1, ends: 2, starts: 2, generations: 2}},
	}
}

// TestModelMutants: with a fault it has not.
func TestModelMutants(t *testing.T) {
	t.Logf("lock model: %d faults", len(mutants()))
	for _, mu := range mutants() {
		t.Run(cmp.Or(mu.name, string(mu.rule)), func(t *testing.T) {
			then := protocol()
			for _, steps := range mu.orders {
				then.set(steps...)
			}
			found := explore(model{scenario: mu.in, then: then, rule: mu.rule, only: mu.breaks})
			if found.broken == "" {
				t.Fatalf("%s holds nonetheless, in all of %d states", mu.breaks, found.states)
			}
			t.Logf("%s does not hold, found among %d states:\n%s", found.broken, found.states, found.trace)
		})
	}
}
