//go:build sysvipc_steps

package lock

var stepNames = [steps]string{
	segmentMade:      "segmentMade",
	setMade:          "setMade",
	headerWritten:    "headerWritten",
	published:        "published",
	joinTaken:        "joinTaken",
	crowdCleared:     "crowdCleared",
	generationRaised: "generationRaised",
	slotTaken:        "slotTaken",
	joined:           "joined",
	drained:          "drained",
	armed:            "armed",
	locked:           "locked",
	waitersMarked:    "waitersMarked",
	ownerSeen:        "ownerSeen",
	wokenUp:          "wokenUp",
	lockedAfterWait:  "lockedAfterWait",
	longWaitMarked:   "longWaitMarked",
	longWaitEnded:    "longWaitEnded",
	takenOver:        "takenOver",
	dirtied:          "dirtied",
	recoveryCounted:  "recoveryCounted",
	repaired:         "repaired",
	unlocked:         "unlocked",
	posted:           "posted",
	readerIn:         "readerIn",
	readerOut:        "readerOut",
	longReadSaid:     "longReadSaid",
	readerTookOver:   "readerTookOver",
	openedToReaders:  "openedToReaders",
	barredToReaders:  "barredToReaders",
	writerIn:         "writerIn",
	writerOut:        "writerOut",
	readersTold:      "readersTold",
	slotLeft:         "slotLeft",
	disarmed:         "disarmed",
	left:             "left",
	segmentRemoved:   "segmentRemoved",
	poisoned:         "poisoned",
	setRemoved:       "setRemoved",
	oldPoisoned:      "oldPoisoned",
	oldRemoved:       "oldRemoved",
}

// NoWord names an owner that there can't be, in a small group.
const NoWord = waiters | maxSlots<<genBits

// SetWord writes over the word of a mutex, as nobody must.
func SetWord(m *Mutex, word uint32) { m.word.Store(word) }

// StepNames returns the steps of the protocol.
func StepNames() []string { return stepNames[:] }

// AtStep has f called at every step that this process comes to.
func AtStep(f func(name string)) { atStep = func(s step) { f(stepNames[s]) } }
