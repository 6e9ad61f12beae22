//go:build linux && !android && (386 || arm || mips || mipsle)

package conformance

import (
	"math"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/msg"
)

var msgOtherWord []exception

// What 32-bit programs have to do otherwise: compat_ksys_msgrcv of ipc/msg.c,
// struct msqid64_ds.
var msgWordRows = []row{
	{"MSG-047", "a negative type keeps its sign on the way from a 32-bit process to a 64-bit kernel", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "2147483647 a", "3 b", "1 c", "2 d")
		for _, tt := range []struct {
			bound int
			want  string
		}{{1, "1 c"}, {1, ""}, {2, "2 d"}, {math.MaxInt32, "3 b"}, {math.MaxInt32 - 1, ""}, {math.MaxInt32, "2147483647 a"}} {
			wantTaken(t, q, msg.UpTo(tt.bound), tt.want)
		}
	}},
	{"MSG-061", "the upper halves of times are set, of 32 bits each", func(t *testing.T) {
		emulator.Queues.Skip(t)
		q := newQueue(t)
		stat := queueStat(t, q)
		wantNow(t, "ctime", stat.CTime)
		wantSame(t, "stime and rtime of never", []time.Time{stat.STime, stat.RTime}, make([]time.Time, 2))
		putInQueue(t, q, "1 a")
		wantLeft(t, q, "1 a")
		stat = queueStat(t, q)
		wantNow(t, "stime", stat.STime)
		wantNow(t, "rtime", stat.RTime)
		wantSame(t, "List", inQueueList(t, listQueues(t), q), stat, ignoreSeq)
	}},
}
