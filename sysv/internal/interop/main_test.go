//go:build linux && !android

package interop_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { os.Exit(sysvtest.Wrap(tests{m}).Run()) }

// tests have a directory for what is compiled once for all of them.
type tests struct{ m *testing.M }

var buildDir string

func (t tests) Run() int {
	var err error
	if buildDir, err = os.MkdirTemp("", "interop"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(buildDir)
	return t.m.Run()
}

// patient is for waits that nothing but a failure makes long.
func patient(t *testing.T) context.Context {
	return within(t, 30*time.Second)
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// newKey returns a key that is free now and after the test. It is negative in
// C, which is where a language's numbers could go wrong.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey() | math.MinInt32
	t.Cleanup(func() {
		seg, err := shm.Open(key, nil)
		if err == nil {
			err = seg.Remove()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		q, err := msg.Open(key, nil)
		if err == nil {
			err = q.Remove()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if set := findSet(t, key); set != nil {
			must(t, set.Remove())
		}
	})
	return key
}

// findSet returns the set with a key, whether it has its values or not, or nil.
func findSet(t *testing.T, key sysv.Key) *sem.Set {
	t.Helper()
	stats, err := sem.List()
	must(t, err)
	for _, stat := range stats {
		if stat.Key == key {
			set, err := sem.OpenID(stat.ID)
			must(t, err)
			return set
		}
	}
	return nil
}

// attach attaches a segment until the test ends.
func attach(t *testing.T, seg *shm.Segment) *shm.Mapping {
	t.Helper()
	m, err := seg.Attach(nil)
	must(t, err)
	t.Cleanup(func() { must(t, m.Detach()) })
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantValues(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	got, err := s.Values()
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// awaitWaiter waits until somebody is blocked on the set's first semaphore.
func awaitWaiter(t *testing.T, s *sem.Set) {
	t.Helper()
	for ctx := patient(t); ; time.Sleep(100 * time.Microsecond) {
		n, err := s.Waiters(0)
		must(t, err)
		if n > 0 {
			return
		}
		must(t, ctx.Err())
	}
}
