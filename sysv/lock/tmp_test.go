package lock_test

import (
	"context"
	"sync"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

var bg = context.Background()

func newGroup(t testing.TB, n int) *lock.Group {
	g, err := lock.Create(sysv.Private, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestCountTmp(t *testing.T) {
	g := newGroup(t, 2)
	m := g.Mutex(1)
	n := 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 1000 {
				if _, err := m.Lock(bg); err != nil {
					t.Error(err)
				}
				n++
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n != 50000 {
		t.Error(n)
	}
	st, err := g.Stat()
	t.Logf("%+v %v", st, err)
}

