package shm

import (
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// kind connects the code that all kinds of objects share to the calls for
// segments.
var kind = &object.Kind[Stat]{
	Noun: "segment",
	Get:  "shmget",
	Ctl:  "shmctl",

	AlsoGone: ", or as nobody had it attached (kernel.shm_rmid_forced)",

	Lookup: func(key int32) (int, error) {
		// No permission is asked for here, so that an owner can open a
		// segment whose mode forbids everything, to change that.
		return sys.Shmget(key, 0, 0)
	},
	Stat: func(id int) (Stat, error) {
		s, err := sys.ShmStat(id)
		return statOf(proc.Shm{ID: id, Shm: s}), err
	},
	StatAny: func(index int) (Stat, error) {
		id, s, err := sys.ShmStatAny(index)
		return statOf(proc.Shm{ID: id, Shm: s}), err
	},
	MaxIndex: func() (int, error) {
		highest, _, err := sys.ShmUsageInfo()
		return highest, err
	},
	Table: func() ([]Stat, error) { return proc.Segments(statOf) },
	Set:   sys.ShmSet,

	ID:   func(s Stat) int { return s.ID },
	Perm: func(s Stat) sysv.Perm { return s.Perm },
}

func statOf(s proc.Shm) Stat {
	return Stat{
		ID:     s.ID,
		Perm:   object.Perm(s.Perm),
		Size:   int64(s.Size),
		Nattch: int(s.Nattch),
		ATime:  object.Time(s.ATime),
		DTime:  object.Time(s.DTime),
		CTime:  object.Time(s.CTime),
		CPID:   int(s.CPID),
		LPID:   int(s.LPID),
		Dest:   s.Mode&sys.SHM_DEST != 0,
		Locked: s.Mode&sys.SHM_LOCKED != 0,
		RSS:    int64(s.RSS),
		Swap:   int64(s.Swap),
	}
}
