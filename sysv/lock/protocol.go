package lock

import "example.com/sysvipc/sysv/event"

// What each member does to what all share is written as machines, in files of their
// own: entry and leaving, arming, locking, unlocking and poisoning, and of a RWMutex
// sharing, emptying and vacating. A step of a
// machine makes one access, to one word or to the semaphores, and says what comes
// after it. The methods of Group and Mutex drive them, but for the first step of
// Lock and of Unlock, which is all of it where nobody else wants the mutex. The
// tests drive them in every order in which steps can follow each other, with a death
// or a stop before each.

// A place is what a machine is going to do.
type place uint8

const (
	beginning place = iota
	done

	// Of an entry:
	knocking  // waits for the door, which lets one in at a time
	picking   // looks for a slot
	numbering // reads its generation
	passing   // looks whether a mutex names a process by the next
	clearing  // forgets who read there and died
	widening  // says how many slots there are in use
	raising   // stores it
	living    // makes the slot alive
	closing   // gives the door back

	// Of arming:
	counting  // reads how many tokens there are
	draining  // leaves one of them
	promising // has the end of the process add one

	// Of locking:
	trying     // takes a mutex that is free, and that nobody awaits
	looking    // reads the word
	entering   // takes one that is free
	claiming   // takes one that is kept for those who wait
	ending     // takes the mark of long waits away
	marking    // sets W
	asking     // reads whether the owner's slot is alive
	comparing  // reads its generation
	succeeding // takes the mutex from a dead owner
	dirtying   // marks it abandoned
	recording  // counts that
	saying     // marks a long wait
	sleeping   // waits for a token, and takes it
	handing    // puts it back
	reading    // reads the marks, as the owner
	returning  // unlocks, for the group is removed

	// Of unlocking, which begins with freeing and goes on with looking:
	freeing // gives back a mutex that nobody awaits
	judging // reads the marks
	giving  // gives it back, or keeps it for those who wait
	waking  // adds a token

	// Of sharing, which also looks, asks, compares and sleeps:
	visiting    // counts itself in
	facing      // reads the word of the writers
	heeding     // reads their marks
	withdrawing // counts itself out
	calling     // tells writers that readers have gone
	peeking     // reads whether the owner lets readers in
	announcing  // says that it is going to wait
	admitting   // says that it has waited long
	thanking    // takes that back
	inheriting  // takes the mutex over from a dead writer
	staying     // counts itself in as the owner
	// returning
	telling // tells readers that the writer has gone

	// Of emptying, which also asks, announces, sleeps and tells:
	measuring  // reads how many slots there are
	viewing    // reads who reads in one
	opening    // lets in readers that have waited long
	forgetting // takes back for one that it has
	barring    // lets no readers in any more
	occupying  // is in

	// Of vacating, which also stays, returns and tells:
	emerging // is in no more

	// Of poisoning:
	condemning // marks the mutex as removed
	// looking
	shutting // has nobody take the word for free, or its owner look at the mark
	// telling, calling

	// Of leaving:
	quitting  // the slot is alive no more
	disarming // takes back what arming did
)

// A words is a mutex in the segment.
type words interface {
	load() uint32
	swap(old, new uint32) bool // compare-and-swap
	marked() uint32
	mark(mark uint32)
	unmark(mark uint32)
	abandon() // marks that the owner has died in it
	countRecovery()
}

// A told is one of which others may wait for news.
type told interface {
	words
	tell(news)
}

// A set is the semaphores. Each of its methods is one system call.
type set interface {
	value(of semaphore) (int, error)
	try(ops) (bool, error) // false where it would have to wait
	// wait is try that waits. False means that it is time to look anew.
	wait(ops) (bool, error)
}

// A mutex is all that locking needs.
type mutex interface {
	words
	set
	slots() int
	generation(slot int) uint32
}

// A rwmutex is all that readers need, and writers beside their mutex.
type rwmutex interface {
	mutex
	told
	used() int              // no slot from here on has ever been anybody's
	crowd(slot int) uint32  // who reads there
	count(delta int) uint32 // adds to those of this process, and returns what it is now
	admit(delta int)        // adds to those of it who have waited long, if there is room
	forget(slot int, seen uint32)

	announce(news) event.Seen
	await(of news, since event.Seen) error
}

// A roll is who the members are, and what joining needs.
type roll interface {
	set
	free(from int) (slot int, err error) // the first that is not alive from there on, or -1
	generation(slot int) uint32
	setGeneration(slot int, generation uint32)
	mutexes() int
	word(mutex int) uint32
	rwmutexes() int
	clearCrowd(rwmutex, slot int)
	widen(to int)
}

// A semaphore is one of the set: a slot, which is 1 while its process lives, or
type semaphore int

const (
	door   semaphore = -1 - iota // 1 while nobody joins
	tokens                       // of the mutex: how many waiters may look again
)

// An op adds to a semaphore, or waits until it is 0; with undo the kernel takes it
// back at the end of the process (SEM_UNDO).
type op struct {
	of    semaphore
	delta int
	undo  bool
}

// ops happen all at once, or not at all (semop(2)).
type ops []op

var (
	takeDoor  = ops{{door, -1, true}}
	leaveDoor = ops{{door, +1, true}}

	takeToken  = ops{{of: tokens, delta: -1}}
	addToken   = ops{{of: tokens}, {of: tokens, delta: +1}} // unless there is one
	promise    = ops{{of: tokens, delta: +1}, {tokens, -1, true}}
	takeItBack = ops{{tokens, +1, true}, {of: tokens, delta: -1}}
)

func leaveOne(tokensSeen int) ops {
	return ops{{of: tokens, delta: -tokensSeen}, {of: tokens, delta: +1}}
}

func live(slot int) ops { return ops{{of: semaphore(slot)}, {semaphore(slot), +1, true}} }

func quit(slot int) ops { return ops{{semaphore(slot), -1, true}} }
