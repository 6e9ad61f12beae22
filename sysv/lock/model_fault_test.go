package lock

// faults are what a mutant does otherwise than the protocol.
type faults struct {
	// then is the place that a machine comes to where the protocol's is another.
	then map[turnoff]place

	// What a machine does to the memory and to the semaphores:
	onSwap  func(a *access, old, new uint32) bool
	onTry   func(a *access, do ops) (bool, error)
	onWait  func(a *access, do ops) (bool, error)
	onValue func(a *access, of semaphore) (int, error)
	// orphaned is what the marks become where an owner has died, if not nil.
	orphaned func(marks uint32) uint32

	arming             armingTime
	noEndOfWaits       bool
	neverForgets       bool // a writer waits for a reader whom it lets in, whatever happens
	leavesWhileHeld    bool
	leavesBeforeWaking bool
	undoneApart        bool // an end undoes tokens before liveness, as of two sets
}

// A turnoff is where a machine leaves one place for another.
type turnoff struct {
	does     activity
	at, next place
}

// armingTime is when a process arms.
type armingTime int

const (
	onCall armingTime = iota
	afterFirst
	beforeWait
	never
)

func (f *faults) after(does activity, at, next place) place {
	if other, ok := f.then[turnoff{does, at, next}]; ok {
		return other
	}
	return next
}

// faulty is an access with the model's faults.
type faulty struct{ access }

func (f *faulty) swap(old, new uint32) bool {
	if f.onSwap != nil {
		return f.onSwap(&f.access, old, new)
	}
	return f.access.swap(old, new)
}

func (f *faulty) try(do ops) (bool, error) {
	if f.onTry != nil {
		return f.onTry(&f.access, do)
	}
	return f.access.try(do)
}

func (f *faulty) wait(do ops) (bool, error) {
	if f.onWait != nil {
		return f.onWait(&f.access, do)
	}
	return f.access.wait(do)
}

func (f *faulty) value(of semaphore) (int, error) {
	if f.onValue != nil {
		return f.onValue(&f.access, of)
	}
	return f.access.value(of)
}
