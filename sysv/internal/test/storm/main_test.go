//go:build linux && !android

package storm_test

import (
	"bufio"
	"context"
	"os"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but the kernel ends.
var bg = context.Background()

// awaitWaiters waits until so many processes are blocked until the semaphore
// increases.
func awaitWaiters(t *testing.T, s *sem.Set, num, want int, what string) {
	t.Helper()
	kit.Eventually(t, what, func() bool { return kit.Number(t)(s.Waiters(num)) == want })
}

// newSet returns a private set that is gone after the test.
func newSet(t *testing.T, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(sysv.Private, values, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, s.Remove()) })
	return s
}

// A gate is a semaphore that keeps processes until it is opened for all of them
// at once.
type gate struct {
	set *sem.Set
	num int
}

func (g gate) pass() error { return g.set.Do(bg, sem.Op{Num: g.num}) }

func (g gate) shut(t *testing.T) { kit.Must(t, g.set.SetValue(g.num, 1)) }

// await waits until so many stand before the gate.
func (g gate) await(t *testing.T, crowd int) {
	t.Helper()
	kit.Eventually(t, "all stand before the gate", func() bool {
		return kit.Number(t)(g.set.ZeroWaiters(g.num)) == crowd
	})
}

func (g gate) open(t *testing.T) { kit.Must(t, g.set.SetValue(g.num, 0)) }

// instructions returns the lines that the test sends to this process, which
// ends when the test does, whatever it is doing then.
func instructions() <-chan string {
	lines := make(chan string, 16)
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
		os.Exit(0)
	}()
	return lines
}

// openBoth opens what the test made by their ids.
func openBoth(setID, segID int) (*sem.Set, *shm.Segment, error) {
	set, err := sem.OpenID(setID)
	if err != nil {
		return nil, nil, err
	}
	seg, err := shm.OpenID(segID)
	return set, seg, err
}
