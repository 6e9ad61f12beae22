package lock

import "example.com/sysvipc/sysv/internal/race"

// What the race detector is told, see package race.

func (m *Mutex) acquired()  { race.Acquire(race.LockFreed, m.group.ID(), m.index) }
func (m *Mutex) releasing() { race.Release(race.LockFreed, m.group.ID(), m.index) }

func (g *Group) removing()   { race.Release(race.LockRemoved, g.ID(), 0) }
func (g *Group) sawRemoved() { race.Acquire(race.LockRemoved, g.ID(), 0) }
