//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// Limits and use: semget(2), semop(2), IPC_INFO and SEM_INFO of semctl(2).
var semLimitRows = []row{
	{"SEM-008", "a set of more than SEMMSL semaphores is EINVAL, and not made", func(t *testing.T) {
		key := newSetKey(t)
		_, err := sem.Create(key, make([]int, semLimits(t).SemMSL+1), nil)
		kit.WantError(t, err, syscall.EINVAL)
		_, err = sem.Open(t.Context(), key, nil)
		kit.WantError(t, err, fs.ErrNotExist)
	}},
	{"SEM-013", "one set more than SEMMNI is ENOSPC", func(t *testing.T) {
		p := peerWithSysctl(t, semPeer, "sem", "32000 1024000000 500 2")
		for range 2 {
			askPeer[int](p, "create", sysv.Private, 1)
		}
		p.want(syscall.ENOSPC, "create", sysv.Private, 1)
		p.want(nil, "remove")
		askPeer[int](p, "create", sysv.Private, 1)
	}},
	{"SEM-014", "semaphores beyond SEMMNS, in all sets together, are ENOSPC", func(t *testing.T) {
		p := peerWithSysctl(t, semPeer, "sem", "32000 5 500 32000")
		askPeer[int](p, "create", sysv.Private, 1, 1, 1)
		p.want(syscall.ENOSPC, "create", sysv.Private, 1, 1, 1)
		askPeer[int](p, "create", sysv.Private, 1, 1)
		p.want(syscall.ENOSPC, "create", sysv.Private, 1)
		p.want(sem.SystemUsage{Sets: 2, Semaphores: 5}, "usage")
	}},
	{"SEM-020", "SEMOPM operations are one call, more are E2BIG", func(t *testing.T) {
		max := semLimits(t).SemOPM
		s := newSet(t, 0)
		kit.Must(t, s.Do(forever, slices.Repeat([]sem.Op{semPost}, max)...))
		wantSetValues(t, s, max)
		tooMany := slices.Repeat([]sem.Op{semTake}, max+1)
		kit.WantError(t, s.Do(forever, tooMany...), syscall.E2BIG)
		_, err := s.Try(tooMany...)
		kit.WantError(t, err, syscall.E2BIG)
		wantSetValues(t, s, max)
	}},
	{"SEM-022", "too many operations are E2BIG on a set that is no more, too", func(t *testing.T) {
		s := newSet(t, 0)
		kit.Must(t, s.Remove())
		tooMany := slices.Repeat([]sem.Op{semPost}, semLimits(t).SemOPM+1)
		kit.WantError(t, s.Do(forever, tooMany...), syscall.E2BIG)
		kit.WantError(t, s.Do(forever, tooMany[1:]...), sysv.ErrRemoved)
	}},
	{"SEM-106", "IPC_INFO says the four limits of kernel.sem, and SEMVMX and SEMAEM", func(t *testing.T) {
		text, err := os.ReadFile("/proc/sys/kernel/sem")
		kit.Must(t, err)
		want := sem.SystemLimits{SemVMX: semMax, SemAEM: semMax}
		_, err = fmt.Sscan(string(text), &want.SemMSL, &want.SemMNS, &want.SemOPM, &want.SemMNI)
		kit.Must(t, err)
		wantSame(t, "Limits", semLimits(t), want)

		p := peerWithSysctl(t, semPeer, "sem", "11 22 33 44")
		p.want(sem.SystemLimits{SemMSL: 11, SemMNS: 22, SemOPM: 33, SemMNI: 44, SemVMX: semMax, SemAEM: semMax}, "limits")
	}},
	{"SEM-107", "SEM_INFO counts the sets and the semaphores in them", func(t *testing.T) {
		needQuiet(t)
		before := semUsage(t)
		newSet(t, 1)
		s := newSet(t, 1, 2, 3)
		wantSame(t, "with two sets more", semUsage(t), sem.SystemUsage{Sets: before.Sets + 2, Semaphores: before.Semaphores + 4})
		kit.Must(t, s.Remove())
		wantSame(t, "with one set more", semUsage(t), sem.SystemUsage{Sets: before.Sets + 1, Semaphores: before.Semaphores + 1})
	}},
	{"SEM-108", "SEM_INFO, SEM_STAT_ANY and /proc/sysvipc/sem count the same sets, for any user", func(t *testing.T) {
		needQuiet(t)
		s := newSet(t, 1, 2, 3)
		newSet(t, 1)
		kit.Must(t, s.SetMode(0))
		want := semUsageOf(listSets(t))
		wantSame(t, "Usage", semUsage(t), want)
		withProc, without := ownerOfSet(t, newSet(t, 1), 0), peerWithoutProc(t, semPeer, 0)
		want.Sets, want.Semaphores = want.Sets+1, want.Semaphores+1
		for _, p := range []peer{withProc, without} {
			p.want(want, "usage")
			wantSame(t, "List", semUsageOf(askPeer[[]sem.Stat](p, "list")), want)
		}
	}},
}

func semUsage(t *testing.T) sem.SystemUsage {
	t.Helper()
	u, err := sem.Usage()
	kit.Must(t, err)
	return u
}
