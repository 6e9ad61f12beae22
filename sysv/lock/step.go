package lock

// A step is a place in the protocol where a process can be killed with an effect
// of its own. With the build tag sysvipc_steps a test can kill it just there.
type step int

const (
	segmentMade step = iota
	setMade
	headerWritten
	published
	joinTaken
	crowdCleared
	generationRaised
	slotTaken
	joined
	drained
	armed
	locked
	waitersMarked
	ownerSeen
	wokenUp
	lockedAfterWait
	longWaitMarked
	longWaitEnded
	takenOver
	dirtied
	recoveryCounted
	repaired
	unlocked
	posted
	readerIn
	readerOut
	longReadSaid
	readerTookOver
	openedToReaders
	barredToReaders
	writerIn
	writerOut
	readersTold
	slotLeft
	disarmed
	left
	segmentRemoved
	poisoned
	setRemoved
	oldPoisoned
	oldRemoved
	steps // how many there are
)
