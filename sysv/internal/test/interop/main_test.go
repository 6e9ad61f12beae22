//go:build linux && !android

package interop_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
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

// newKey returns a key that is free now and after the test. It is negative in
// C, which is where a language's numbers could go wrong.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey() | 1<<31
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
			kit.Must(t, set.Remove())
		}
	})
	return key
}

// findSet returns the set with a key, whether it has its values or not, or nil.
func findSet(t *testing.T, key sysv.Key) *sem.Set {
	t.Helper()
	stats, err := sem.List()
	kit.Must(t, err)
	for _, stat := range stats {
		if stat.Key == key {
			set, err := sem.OpenID(stat.ID)
			kit.Must(t, err)
			return set
		}
	}
	return nil
}

// attach attaches a segment until the test ends.
func attach(t *testing.T, seg *shm.Segment) *shm.Mapping {
	t.Helper()
	m, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, m.Detach()) })
	return m
}

func wantValues(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	got, err := s.Values()
	kit.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// awaitWaiter waits until somebody is blocked on the set's first semaphore.
func awaitWaiter(t *testing.T, s *sem.Set) {
	t.Helper()
	kit.Eventually(t, "somebody waits", func() bool { return kit.Number(t)(s.Waiters(0)) > 0 })
}
