//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// semForever is the context of waits that nothing but the kernel ends.
var semForever = context.Background()

// semPatience bounds what a failure would make endless.
const semPatience = time.Minute

const (
	semNobody = 65534
	semMax    = 32767 // SEMVMX
)

var semTake, semPost, semZero = sem.Op{Delta: -1}, sem.Op{Delta: +1}, sem.Op{}

func semUndo(delta int) sem.Op { return sem.Op{Delta: delta, Flags: sem.Undo} }

// semContexts are those that a wait treats differently, none of which ends.
func semContexts(t *testing.T) map[string]context.Context {
	never, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	late, cancel := context.WithTimeout(t.Context(), semPatience)
	t.Cleanup(cancel)
	return map[string]context.Context{
		"without end":           semForever,
		"that can be cancelled": never,
		"with a deadline":       late,
	}
}

// semBrief is for waits that are to end without success.
func semBrief(t *testing.T) (ctx context.Context, deadline time.Time) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	deadline, _ = ctx.Deadline()
	return ctx, deadline
}

// newSet returns a private set that is gone after the test.
func newSet(t *testing.T, values ...int) *sem.Set {
	t.Helper()
	return newSetOfMode(t, 0o600, values...)
}

func newSetOfMode(t *testing.T, mode fs.FileMode, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(sysv.Private, values, &sem.Config{Mode: mode})
	semMust(t, err)
	removeSetAfter(t, s)
	return s
}

// newKeyedSet returns a set that has a key.
func newKeyedSet(t *testing.T, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(newSetKey(t), values, nil)
	semMust(t, err)
	return s
}

// bareSet returns a set as semget(2) leaves it for other programs: no values
// are given.
func bareSet(t *testing.T, n int) *sem.Set {
	t.Helper()
	id, _, errno := unix.Syscall(unix.SYS_SEMGET, unix.IPC_PRIVATE, uintptr(n), unix.IPC_CREAT|0o600)
	if errno != 0 {
		t.Fatal(errno)
	}
	s, err := sem.OpenID(int(id))
	semMust(t, err)
	removeSetAfter(t, s)
	return s
}

func removeSetAfter(t *testing.T, s *sem.Set) {
	t.Cleanup(func() {
		if err := s.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
}

// newSetKey returns a free key, which is free again after the test.
func newSetKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for _, stat := range listSets(t) {
			if stat.Key == key {
				s, err := sem.OpenID(stat.ID)
				semMust(t, err)
				semMust(t, s.Remove())
			}
		}
	})
	return key
}

func semMust(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func semWantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func semWant[T any](t *testing.T, what string, got, want T, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantSetValues(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	got, err := s.Values()
	semMust(t, err)
	semWant(t, "values", got, want)
}

// semIgnoreSeq is for comparing with lists, which don't have it.
var semIgnoreSeq = cmpopts.IgnoreFields(sysv.Perm{}, "Seq")

func semWantNow(t *testing.T, what string, when time.Time) {
	t.Helper()
	if ago := time.Since(when); ago < -semPatience || ago > semPatience {
		t.Errorf("%s is %v, %v ago", what, when, ago)
	}
}

// wantTry checks whether ops can be performed without waiting, which must not
// fail.
func wantTry(t *testing.T, s *sem.Set, want bool, ops ...sem.Op) {
	t.Helper()
	done, err := s.Try(ops...)
	semMust(t, err)
	if done != want {
		t.Errorf("Try(%v) = %v, want %v", ops, done, want)
	}
}

// semEventually waits for what other threads or processes bring about.
func semEventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(semPatience); !cond(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// awaitSetWaiters waits until so many wait for semaphore 0 to increase, and to
// become 0.
func awaitSetWaiters(t *testing.T, s *sem.Set, takers, zeros int) {
	t.Helper()
	semEventually(t, fmt.Sprintf("%d waiters, %d for zero", takers, zeros), func() bool {
		return semInt(t)(s.Waiters(0)) == takers && semInt(t)(s.ZeroWaiters(0)) == zeros
	})
}

// semAsync calls f and returns a function that waits for its error.
func semAsync(t *testing.T, f func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return func() error {
		t.Helper()
		select {
		case err := <-done:
			return err
		case <-time.After(semPatience):
			t.Fatalf("still waiting after %v", semPatience)
			return nil
		}
	}
}

// semInt checks the error of a method that returns a number.
func semInt(t *testing.T) func(int, error) int {
	return func(v int, err error) int {
		t.Helper()
		semMust(t, err)
		return v
	}
}

func setStat(t *testing.T, s *sem.Set) sem.Stat {
	t.Helper()
	stat, err := s.Stat()
	semMust(t, err)
	return stat
}

func listSets(t *testing.T) []sem.Stat {
	t.Helper()
	stats, err := sem.List()
	semMust(t, err)
	return stats
}

func semLimits(t *testing.T) sem.SystemLimits {
	t.Helper()
	l, err := sem.Limits()
	semMust(t, err)
	return l
}

// semUsageOf counts what Usage does.
func semUsageOf(stats []sem.Stat) sem.SystemUsage {
	u := sem.SystemUsage{Sets: len(stats)}
	for _, stat := range stats {
		u.Semaphores += stat.Len
	}
	return u
}

// semRandom returns a generator whose seed is in the log, and can be given.
func semRandom(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("SYSVIPC_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		semMust(t, err)
	}
	t.Logf("SYSVIPC_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// semSignal sends a signal to every thread of a process.
func semSignal(t *testing.T, pid int, sig unix.Signal) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	semMust(t, err)
	for _, thread := range threads {
		tid, _ := strconv.Atoi(thread.Name())
		unix.Tgkill(pid, tid, sig) // the thread may be gone
	}
}
