package object

import (
	"sync"
	"time"

	"example.com/sysvipc/sysv"
)

// Making is the mode of an object in the making: its creator has yet to give it
// what it is to have, and then, by IPC_SET, the mode that was asked for. The
// kernel keeps it where everybody can see it, and it dies with the object. No
// object of ours has this mode otherwise, for callers can't ask for it. Any
// other object is somebody else's, 0o777 being what C programs like to take.
const Making = 0o601

// Grace is how long an object is seen in the making before its creator counts
// as dead, if nothing else shows that he lives. Tests make it shorter.
var Grace = 1200 * time.Millisecond

// sightings has what this process has seen in the making, and since when, by its
// own monotonic clock. Short attempts to open add up that way.
var sightings struct {
	sync.Mutex
	first map[sighting]time.Time
}

// A sighting tells objects apart whose id is the same, as ids come round.
type sighting struct {
	get   string // the kind
	id    int
	key   sysv.Key
	ctime int64
}

// EnoughSightings bounds what others, who make and remove, can have us remember. Tests
// that see more are to forget none.
var EnoughSightings = 1024

// Watched returns for how long, when the caller began to look at the object, this
// process had seen it in the making: 0 the first time. It is that moment which counts,
// and not the present: whoever is stopped after he has looked must not take what he
// saw for what has been so all the time.
func (k *Kind[T]) Watched(id int, key sysv.Key, ctime, looked time.Time) time.Duration {
	s := sighting{k.Get, id, key, ctime.Unix()}
	sightings.Lock()
	defer sightings.Unlock()
	first, seen := sightings.first[s]
	if seen {
		return looked.Sub(first)
	}
	if sightings.first == nil || len(sightings.first) >= EnoughSightings {
		sightings.first = make(map[sighting]time.Time)
	}
	sightings.first[s] = time.Now()
	return 0
}
