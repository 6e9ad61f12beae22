package sem

import (
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// kind connects the code that all kinds of objects share to the calls for
// sets.
var kind = &object.Kind[Stat]{
	Noun: "set",
	Get:  "semget",
	Ctl:  "semctl",

	Lookup: func(key int32) (int, error) {
		// No permission is asked for here, so that an owner can open a set
		// whose mode forbids everything, to change that.
		return sys.Semget(key, 0, 0)
	},
	Stat: func(id int) (Stat, error) {
		s, err := sys.SemStat(id)
		return statOf(proc.Sem{ID: id, Sem: s}), err
	},
	StatAny: func(index int) (Stat, error) {
		id, s, err := sys.SemStatAny(index)
		return statOf(proc.Sem{ID: id, Sem: s}), err
	},
	MaxIndex: func() (int, error) {
		highest, _, err := sys.SemUsageInfo()
		return highest, err
	},
	Table: func() ([]Stat, error) { return proc.Sets(statOf) },
	Set:   sys.SemSet,

	ID:   func(s Stat) int { return s.ID },
	Perm: func(s Stat) sysv.Perm { return s.Perm },
}

func statOf(s proc.Sem) Stat {
	return Stat{
		ID:    s.ID,
		Perm:  object.Perm(s.Perm),
		Len:   int(s.Nsems),
		OTime: object.Time(s.OTime),
		CTime: object.Time(s.CTime),
	}
}
