//go:build linux && !android

package ring

import (
	"context"
	"strconv"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// newLatestOfBytes makes a Latest of up to so many bytes and returns what others need
// to join.
func newLatestOfBytes(t testing.TB, most int) (ids []string, l *Latest) {
	t.Helper()
	l, err := CreateLatest(bg, sysv.Private, most, nil)
	kit.Must(t, err)
	t.Cleanup(func() {
		t.Helper()
		if err := unless(l.Remove(), sysv.ErrRemoved); err != nil {
			t.Error(err)
		}
		kit.Must(t, l.Close())
	})
	return []string{strconv.Itoa(l.ID())}, l
}

// joinLatest joins by what newLatestOfBytes returns.
func joinLatest(ids []string) (*Latest, error) {
	id, err := strconv.Atoi(ids[0])
	if err != nil {
		return nil, err
	}
	return OpenLatestID(context.Background(), id, nil)
}
