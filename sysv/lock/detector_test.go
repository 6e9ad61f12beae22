//go:build linux && !android

package lock_test

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

// With -race these show that the race detector is told of the order that a mutex
// brings: each of two goroutines has a Group of its own, so that they share nothing
// that Go knows of.

func TestTurnsAreOrderedForTheRaceDetector(t *testing.T) {
	for name, try := range map[string]func(*lock.Mutex) (bool, error){
		"Lock":    func(m *lock.Mutex) (bool, error) { _, err := m.Lock(bg); return true, err },
		"TryLock": func(m *lock.Mutex) (bool, error) { ok, _, err := m.TryLock(); return ok, err },
	} {
		t.Run(name, func(t *testing.T) {
			a := newGroup(t, 1)
			b := join(t, a)
			turn := func(m *lock.Mutex) func() func() {
				return func() func() {
					ok, err := try(m)
					if err != nil {
						t.Error(err)
					}
					if !ok {
						return nil
					}
					return func() {
						if err := m.Unlock(); err != nil {
							t.Error(err)
						}
					}
				}
			}
			kit.Turns(t, turn(a.Mutex(0)), turn(b.Mutex(0)))
		})
	}
}

// Who takes a mutex over from a process that died comes after those who had it
// before that one.
func TestRecoveryIsOrderedForTheRaceDetector(t *testing.T) {
	a := newGroup(t, 1)
	b := join(t, a)
	for _, g := range []*lock.Group{a, b} { // so that they need the set no more, which orders, too
		take(t, g.Mutex(0))
		kit.Must(t, g.Mutex(0).Unlock())
	}
	_, dead := newShared[atomic.Uint32](t) // memory that the race detector does not watch
	said := ""
	var wg sync.WaitGroup
	wg.Go(func() {
		for dead.Load() == 0 {
			runtime.Gosched()
		}
		ok, abandoned, err := b.Mutex(0).TryLock()
		if !ok || !abandoned || said != "done" {
			t.Errorf("TryLock = %v, %v, %v, and %q was said", ok, abandoned, err, said)
		}
		if err := b.Mutex(0).Unlock(); err != nil {
			t.Error(err)
		}
	})
	said = "done"
	take(t, a.Mutex(0))
	kit.Must(t, a.Mutex(0).Unlock())
	startHolding(t, a, 0).Kill()
	dead.Store(1)
	wg.Wait()
}

func TestRemoveIsOrderedForTheRaceDetector(t *testing.T) {
	a := newGroup(t, 1)
	b := join(t, a)
	m := b.Mutex(0)
	take(t, m) // so that it needs the set no more, which orders, too
	kit.Must(t, m.Unlock())
	kit.WantOrder(t, a.Remove, func() {
		kit.Eventually(t, "the group is removed", func() bool {
			ok, _, err := m.TryLock()
			if ok {
				err = m.Unlock()
			}
			if err != nil && !errors.Is(err, sysv.ErrRemoved) {
				t.Fatal(err)
			}
			return err != nil
		})
	})
}

// reckless counts under two mutexes of one group.
var reckless = sysvtest.Helper("reckless", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	count := 0
	var visits []func(inside func())
	for i := range 2 {
		g, err := lock.OpenID(bg, id, nil)
		if err != nil {
			return err
		}
		defer g.Close()
		m := g.Mutex(i)
		visit := func(inside func()) {
			_, err := m.Lock(bg)
			inside()
			if err == nil {
				err = m.Unlock()
			}
			if err != nil {
				panic(err)
			}
		}
		visit(func() {}) // so that it needs the set no more, which orders, too
		visits = append(visits, visit)
	}
	var wg sync.WaitGroup
	for _, visit := range visits {
		wg.Go(func() { visit(func() { count++ }) })
	}
	wg.Wait()
	fmt.Println(count)
	return nil
})

func TestTwoMutexesHideNoRace(t *testing.T) {
	g := newGroup(t, 2)
	kit.WantRace(t, sysvtest.Command(reckless, strconv.Itoa(g.ID())))
}
