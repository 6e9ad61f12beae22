//go:build linux && !android && (386 || arm || mips || mipsle)

package conformance

import (
	"context"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

var semOtherWord []exception

// What 32-bit programs have to do otherwise: struct semid64_ds, semtimedop(2),
// ipc_parse_version of ipc/util.c.
var semWordRows = []row{
	{"SEM-114", "the upper halves of times are set, of 32 bits each", func(t *testing.T) {
		s := newSet(t, 1)
		stat := setStat(t, s)
		wantNow(t, "otime", stat.OTime)
		wantNow(t, "ctime", stat.CTime)
		wantSame(t, "List", inSetList(t, listSets(t), s), stat, ignoreSeq)
		if otime := setStat(t, bareSet(t, 1)).OTime; !otime.IsZero() {
			t.Errorf("otime of never: %v", otime)
		}
	}},
	{"SEM-115", "semtimedop with 64-bit times keeps to its timeout, of 32-bit programs too", func(t *testing.T) {
		s := newSet(t, 0)
		kit.WantDeadline(t, "Do", func(ctx context.Context) error { return s.Do(ctx, semTake) })
		far, cancel := context.WithDeadline(t.Context(), time.Now().AddDate(400, 0, 0))
		defer cancel()
		wait := kit.Async(t, func() error { return s.Do(far, semTake) })
		awaitSetWaiters(t, s, 1, 0)
		kit.Must(t, s.Do(forever, semPost))
		kit.Must(t, wait())
	}},
	{"SEM-118", "every command of semctl goes with the version that the call knows: IPC_64 is EINVAL on 386", func(t *testing.T) {
		s := newSet(t, 1, 2)
		wantSetValues(t, s, 1, 2)
		wantSame(t, "GETVAL", kit.Number(t)(s.Value(1)), 2)
		kit.Must(t, s.SetValue(1, 3))
		wantSame(t, "IPC_STAT", setStat(t, s).Len, 2)
		stat := inSetList(t, askPeer[[]sem.Stat](peerWithoutProc(t, semPeer, 0), "list"), s)
		wantSame(t, "SEM_STAT_ANY", stat.Len, 2)
	}},
}
