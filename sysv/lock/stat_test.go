//go:build linux && !android

package lock_test

import (
	"os"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"github.com/google/go-cmp/cmp"
)

// free is a mutex that nobody holds.
var free = lock.MutexStat{Slot: -1}

// A place is a member's, and a process's.
type place struct{ slot, pid int }

func wantStat(t testing.TB, g *lock.Group, places []place, mutexes ...lock.MutexStat) {
	t.Helper()
	got := stat(t, g)
	set, err := sem.OpenID(got.SetID)
	kit.Must(t, err)
	if set.Key() != g.Key() || set.Len() != slotsAt+got.Processes+g.Len() {
		t.Errorf("set %d has key %v and %d semaphores", got.SetID, set.Key(), set.Len())
	}
	var members []lock.Member
	for i, p := range places {
		m := lock.Member{Slot: p.slot, PID: p.pid}
		if i < len(got.Members) {
			m.Number = got.Members[i].Number // TestSelf has more of it
		}
		members = append(members, m)
	}
	want := lock.Stat{Key: g.Key(), SegmentID: g.ID(), SetID: got.SetID, Processes: 5, Members: members, Mutexes: mutexes}
	// Who waits looks anew from time to time, and does not count meanwhile.
	for range 100 {
		if cmp.Equal(want, got) {
			return
		}
		time.Sleep(time.Millisecond)
		got = stat(t, g)
	}
	t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
}

func TestStat(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(bg, key, 3, &lock.Config{Processes: 5})
	kit.Must(t, err)
	endGroup(t, g)
	me := os.Getpid()
	wantStat(t, g, []place{{0, me}}, free, free, free)

	take(t, g.Mutex(2))
	p := startHolding(t, g, 0)
	a, b := start(t, g), start(t, g)
	pid := p.pid()
	members := []place{{0, me}, {1, pid}, {2, a.pid()}, {3, b.pid()}}
	mine := lock.MutexStat{Held: true, Slot: 0, PID: me}
	wantStat(t, g, members, lock.MutexStat{Held: true, Slot: 1, PID: pid}, free, mine)

	a.Send("lock 0")
	awaitWaiters(t, g, 0, 1)
	b.Send("lock 0")
	awaitWaiters(t, g, 0, 2)
	wantStat(t, g, members, lock.MutexStat{Held: true, Slot: 1, PID: pid, Waiters: 2}, free, mine)

	a.Kill()
	b.Kill()
	awaitWaiters(t, g, 0, 0)
	p.Kill()
	wantStat(t, g, []place{{0, me}}, lock.MutexStat{Held: true, Slot: 1, Dead: true}, free, mine)

	take(t, g.Mutex(0))
	wantStat(t, g, []place{{0, me}}, lock.MutexStat{Held: true, PID: me, Abandoned: true, Recoveries: 1}, free, mine)
	kit.Must(t, g.Mutex(0).Unlock())
	abandoned := free
	abandoned.Abandoned, abandoned.Recoveries = true, 1
	wantStat(t, g, []place{{0, me}}, abandoned, free, mine)
	take(t, g.Mutex(0))
	kit.Must(t, g.Mutex(0).Repaired())
	kit.Must(t, g.Mutex(0).Unlock())
	repaired := free
	repaired.Recoveries = 1
	wantStat(t, g, []place{{0, me}}, repaired, free, mine)
	kit.Must(t, g.Mutex(2).Unlock())

	kit.Must(t, g.Remove())
	_, err = g.Stat()
	kit.WantError(t, err, sysv.ErrRemoved)
}
