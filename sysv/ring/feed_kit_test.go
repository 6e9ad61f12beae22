//go:build linux && !android

package ring

import (
	"context"
	"strconv"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// newTestFeed makes a feed and returns what others need to join.
func newTestFeed(t testing.TB, units, cursors int, lossy bool) (ids []string, f *Feed) {
	t.Helper()
	f, err := CreateFeed(bg, sysv.Private, &Config{Size: units * unit, Cursors: cursors, Lossy: lossy})
	kit.Must(t, err)
	t.Cleanup(func() {
		t.Helper()
		if err := unless(f.Remove(), sysv.ErrRemoved); err != nil {
			t.Error(err)
		}
		kit.Must(t, f.group.Close())
	})
	return []string{strconv.Itoa(f.ID())}, f
}

func joinFeedByIDs(ids []string) (*Feed, error) {
	id, err := strconv.Atoi(ids[0])
	if err != nil {
		return nil, err
	}
	return OpenFeedID(context.Background(), id, nil)
}

func subscribe(t testing.TB, f *Feed) *Subscription {
	t.Helper()
	s, err := f.Subscribe(context.Background())
	kit.Must(t, err)
	return s
}
