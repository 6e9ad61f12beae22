package shm

import (
	"time"

	"example.com/sysvipc/sysv"
)

// Fill goes on where a creator has just made a segment, as if it had begun then.
func Fill(key sysv.Key, id, size int, began time.Time, init func(*Mapping) error) (*Mapping, error) {
	return (&Segment{id: id, key: key, size: size}).fill(began, 0o600, init)
}

// ErrTakenForDead tells a creator to start over.
var ErrTakenForDead = errTakenForDead

// AtStep has f called with the name of each step of a creation or an opening.
func AtStep(f func(string)) { step = f }

// CheckType says why values of a type can't be shared, or nil.
var CheckType = checkType
