package ring

import "example.com/sysvipc/sysv/lock"

// LatestStat is the state of a Latest.
type LatestStat struct {
	GroupStat
	// Size is how many bytes a value has at most, Number that of the newest one, and
	// Length how many bytes it has.
	Size   int
	Number uint64
	Length int
	// Awaited tells whether somebody waits for another value, or has done so and died.
	Awaited bool
}

// Stat returns the state, one thing after the other: while others go on it shows no
// single instant.
func (l *Latest) Stat() (st LatestStat, err error) {
	err = l.stat(func(group lock.Stat) { st = l.state(group) })
	return st, err
}

// InspectLatest returns the state of the Latest whose segment has an id without joining
// it: it takes no place, and needs only the permission to read.
func InspectLatest(id int) (LatestStat, error) {
	return inspect(id, latestFormat, "Latest", viewLatest, (*latestMemory).state)
}

func (m *latestMemory) state(group lock.Stat) LatestStat {
	st := LatestStat{GroupStat: statOf(group), Size: int(m.most), Awaited: m.changed.Awaited()}
	newest := m.newest.load()
	if v := m.value(newest); newest != 0 || v.era.load() != 0 {
		st.Number, st.Length = uint64(v.era.load())<<32|uint64(newest), int(min(v.length.load(), m.most))
	}
	return st
}
