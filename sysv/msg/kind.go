package msg

import (
	"math"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// kind connects the code that all kinds of objects share to the calls for
// queues.
var kind = &object.Kind[Stat]{
	Noun: "queue",
	Get:  "msgget",
	Ctl:  "msgctl",

	Lookup: func(key int32) (int, error) {
		// No permission is asked for here, so that an owner can open a queue
		// whose mode forbids everything, to change that.
		return sys.Msgget(key, 0)
	},
	Stat: func(id int) (Stat, error) {
		m, err := sys.MsgStat(id)
		return statOf(proc.Msg{ID: id, Msg: m}), err
	},
	StatAny: func(index int) (Stat, error) {
		id, m, err := sys.MsgStatAny(index)
		return statOf(proc.Msg{ID: id, Msg: m}), err
	},
	MaxIndex: func() (int, error) {
		highest, _, err := sys.MsgUsageInfo()
		return highest, err
	},
	Table: func() ([]Stat, error) { return proc.Queues(statOf) },
	ID:    func(s Stat) int { return s.ID },
	Perm:  func(s Stat) sysv.Perm { return s.Perm },
}

func statOf(m proc.Msg) Stat {
	return Stat{
		ID:       m.ID,
		Perm:     object.Perm(m.Perm),
		Messages: int(m.QNum),
		Bytes:    int(m.CBytes),
		MaxBytes: int(min(m.QBytes, math.MaxInt)),
		STime:    object.Time(m.STime),
		RTime:    object.Time(m.RTime),
		CTime:    object.Time(m.CTime),
		LSPID:    int(m.LSPID),
		LRPID:    int(m.LRPID),
	}
}

// qbytes returns how many bytes a queue holds at most.
func qbytes(id int) (uint64, error) {
	m, err := state(id)
	return m.QBytes, err
}

// state is IPC_STAT, which needs read permission, or MSG_STAT_ANY, which needs
// none.
func state(id int) (sys.Msg, error) {
	m, err := sys.MsgStat(id)
	if err == sys.EACCES {
		if got, any, err := sys.MsgStatAny(id); err == nil && got == id {
			return any, nil
		}
	}
	return m, err
}
