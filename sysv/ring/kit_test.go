//go:build linux && !android

package ring

import (
	"context"
	"strconv"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

var bg = context.Background()

func TestMain(m *testing.M) { sysvtest.Main(m) }

const (
	testAside = 64 // units
	testLimit = 3
)

// newQueue makes a queue of so many units and returns what others need to join.
func newQueue(t testing.TB, units int) (ids []string, q *Queue) {
	t.Helper()
	q, err := CreateQueue(context.Background(), sysv.Private, &Config{Size: units * unit, Attempts: testLimit, Aside: max(testAside, units/2) * unit})
	kit.Must(t, err)
	endQueue(t, q)
	return []string{strconv.Itoa(q.ID()), "0"}, q
}

// endQueue removes a queue after the test. What the test has not given back goes with it.
func endQueue(t testing.TB, q *Queue) {
	t.Cleanup(func() {
		t.Helper()
		if err := unless(q.Remove(), sysv.ErrRemoved); err != nil {
			t.Error(err)
		}
		kit.Must(t, q.group.Close())
	})
}

// joinByIDs joins by the ids of newQueue.
func joinByIDs(ids []string) (*Queue, error) {
	id, err := strconv.Atoi(ids[0])
	if err != nil {
		return nil, err
	}
	return OpenQueueID(context.Background(), id, nil)
}
