package ring

import "example.com/sysvipc/sysv/internal/race"

// What the race detector is told, see package race: what was done before a record was
// sent, or given back, comes before what is done with it; and what was done before Done
// comes before what is done where there is room, and at the end of the queue.

func (m *memory) sending() {
	if race.Enabled {
		race.Release(race.RingSent, m.id, 0)
	}
}

func (m *memory) received() {
	if race.Enabled {
		race.Acquire(race.RingSent, m.id, 0)
	}
}

func (m *memory) endingUse() {
	if race.Enabled {
		race.Release(race.RingDone, m.id, 0)
	}
}

func (m *memory) gotRoom() {
	if race.Enabled {
		race.Acquire(race.RingDone, m.id, 0)
	}
}
