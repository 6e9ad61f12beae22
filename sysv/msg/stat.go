package msg

import (
	"math"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// Stat is what the kernel knows about a queue, struct msqid_ds of msgctl(2).
// Times are whole seconds, zero for never. Process ids are as seen from the
// caller's PID namespace: 0 for a process that is not visible there.
type Stat struct {
	// ID is the kernel's id, 0 or more.
	ID int
	// Perm is its owner and permissions.
	sysv.Perm
	// Messages is how many are in it (msg_qnum), and Bytes how long they are
	// together (msg_cbytes).
	Messages, Bytes int
	// MaxBytes is what Bytes, and Messages too, may become at most
	// (msg_qbytes). List says 0 of a queue that may not be read where the
	// kernel is older than Linux 4.17.
	MaxBytes int
	// STime and RTime are when a message was last sent and received, CTime when
	// the queue was created, or its permissions or MaxBytes were last set.
	STime, RTime, CTime time.Time
	// LSPID is the process that sent last, LRPID the one that received last.
	// Of a receiver that had to wait Linux takes down the thread
	// (pipelined_send in ipc/msg.c), so that of a Go program LRPID is often no
	// process's id.
	LSPID, LRPID int
}

// List returns all queues of the caller's IPC namespace, whatever their
// permissions, in the order of ipcs(1). It is no snapshot: queues that come or
// go meanwhile may be in it or not. It reads /proc/sysvipc/msg, see proc(5), and
// what is missing there by IPC_STAT or MSG_STAT_ANY, which needs Linux 4.17; where
// there is no /proc it asks with that alone.
func List() ([]Stat, error) {
	stats, err := kind.List()
	for i := range stats {
		if s := &stats[i]; s.MaxBytes == 0 {
			n, _ := qbytes(s.ID) // gone by now, or not known
			s.MaxBytes = int(min(n, math.MaxInt))
		}
	}
	return stats, err
}

// SystemLimits are the limits of the caller's IPC namespace, the files of the
// same names in /proc/sys/kernel. See msgget(2).
type SystemLimits struct {
	MsgMax int // bytes in a message
	MsgMNB int // MaxBytes of a queue that is created
	MsgMNI int // queues
}

// Limits returns the limits in force (IPC_INFO).
func Limits() (SystemLimits, error) {
	info, err := sys.MsgLimitsInfo()
	if err != nil {
		return SystemLimits{}, kind.Error("msgctl", sysv.Private, -1, err, nil)
	}
	return SystemLimits{
		MsgMax: int(info.Max),
		MsgMNB: int(info.MNB),
		MsgMNI: int(info.MNI),
	}, nil
}

// SystemUsage is what all queues of the namespace take up together.
type SystemUsage struct {
	Queues   int // number of queues, which MsgMNI limits
	Messages int // in all of them together
	Bytes    int // in all of these
}

// Usage returns what is in use (MSG_INFO), up to 1<<31 - 1 of each.
func Usage() (SystemUsage, error) {
	_, info, err := sys.MsgUsageInfo()
	if err != nil {
		return SystemUsage{}, kind.Error("msgctl", sysv.Private, -1, err, nil)
	}
	return SystemUsage{Queues: int(info.Pool), Messages: int(info.Map), Bytes: int(info.TQL)}, nil
}
