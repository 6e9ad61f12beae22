//go:build linux && !android

package event_test

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but an advance ends.
var bg = context.Background()

// A board is what the tests share: Counts, each in a cache line, and what is
// waited for.
type board struct {
	a       event.Count
	_       [60]byte
	b       event.Count
	_       [60]byte
	number  atomic.Uint32
	_       [60]byte
	answers [64]atomic.Uint32
}

// newBoard makes a segment with a board, which goes with the test.
func newBoard(t testing.TB) (id string, b *board) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	return strconv.Itoa(seg.ID()), attach(t, seg, nil)
}

func attach(t testing.TB, seg *shm.Segment, cfg *shm.AttachConfig) *board {
	t.Helper()
	m, err := seg.Attach(cfg)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, m.Detach()) })
	b, err := shm.View[board](m, 0)
	kit.Must(t, err)
	return b
}

// attachID is for helpers, which have what they attach to their end.
func attachID(id string) (*board, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil, err
	}
	seg, err := shm.OpenID(n)
	if err != nil {
		return nil, err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	return shm.View[board](m, 0)
}

// untilTheEnd waits for the end of the test, which started this helper.
func untilTheEnd() { os.Stdin.Read(make([]byte, 1)) }
