//go:build linux && !android

package sem_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// With -race these show that the race detector is told of the order that semaphores
// bring: each of two goroutines has a handle of its own, so that they share nothing
// that Go knows of.

func TestTurnsAreOrderedForTheRaceDetector(t *testing.T) {
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for name, try := range map[string]func(*sem.Set) func(){
		"Try": func(s *sem.Set) func() {
			if ok, err := s.Try(sem.Op{Delta: -1}); !ok {
				must(err)
				return nil
			}
			return func() { _, err := s.Try(sem.Op{Delta: +1}); must(err) }
		},
		"Do with NoWait": func(s *sem.Set) func() {
			if err := s.Do(bg, sem.Op{Delta: -1, Flags: sem.NoWait}); err != nil {
				if !errors.Is(err, sysv.ErrWouldBlock) {
					t.Error(err)
				}
				return nil
			}
			return func() { must(s.Do(bg, sem.Op{Delta: +1})) }
		},
		"Do": func(s *sem.Set) func() {
			must(s.Do(bg, sem.Op{Delta: -1}))
			return func() { must(s.Do(bg, sem.Op{Delta: +1})) }
		},
		"a lock that is free at 0": func(s *sem.Set) func() {
			if ok, err := s.Try(sem.Op{Num: 1}, sem.Op{Num: 1, Delta: +1}); !ok {
				must(err)
				return nil
			}
			return func() { must(s.Do(bg, sem.Op{Num: 1, Delta: -1})) }
		},
		"SetValue": func(s *sem.Set) func() {
			if ok, err := s.Try(sem.Op{Delta: -1}); !ok {
				must(err)
				return nil
			}
			return func() { must(s.SetValue(0, 1)) }
		},
		"SetValues": func(s *sem.Set) func() {
			if ok, err := s.Try(sem.Op{Delta: -1}); !ok {
				must(err)
				return nil
			}
			return func() { must(s.SetValues([]int{1, 0})) }
		},
		"Mutex": func(s *sem.Set) func() {
			m := s.Mutex(0)
			must(m.Lock(bg))
			return func() { must(m.Unlock()) }
		},
		"Mutex that is tried": func(s *sem.Set) func() {
			m := s.Mutex(0)
			if ok, err := m.TryLock(); !ok {
				must(err)
				return nil
			}
			return func() { must(m.Unlock()) }
		},
		"Counting": func(s *sem.Set) func() {
			c := s.Counting(0, sem.Undo)
			must(c.Acquire(bg, 1))
			return func() { must(c.Release(1)) }
		},
		"Counting that is tried": func(s *sem.Set) func() {
			c := s.Counting(0, 0)
			if ok, err := c.TryAcquire(1); !ok {
				must(err)
				return nil
			}
			return func() { must(c.Release(1)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newSet(t, 1, 0)
			b := openID(t, a.ID())
			kit.Turns(t, func() func() { return try(a) }, func() func() { return try(b) })
		})
	}
}

// One goroutine does something once, and another sees that it has.
func TestWhatIsSeenIsOrderedForTheRaceDetector(t *testing.T) {
	poll := func(t *testing.T, seen func() (bool, error)) {
		for {
			ok, err := seen()
			if err != nil {
				t.Error(err)
			}
			if ok || err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		act func(*sem.Set) error
		see func(*testing.T, *sem.Set)
	}{
		"a wait that SetValue ends": {
			func(s *sem.Set) error { return s.SetValue(0, 0) },
			func(t *testing.T, s *sem.Set) { kit.Must(t, s.Do(bg, sem.Op{})) },
		},
		"a wait for 0 with a context": {
			func(s *sem.Set) error { return s.Do(bg, sem.Op{Delta: -1}) },
			func(t *testing.T, s *sem.Set) { kit.Must(t, s.Do(kit.Patient(t), sem.Op{})) },
		},
		"a wait for 0 that a Mutex ends": {
			func(s *sem.Set) error { return s.Mutex(0).Lock(bg) },
			func(t *testing.T, s *sem.Set) { kit.Must(t, s.Do(bg, sem.Op{})) },
		},
		"a wait for 0 that somebody ends who expected to wait": {
			func(s *sem.Set) error {
				go s.Do(bg, sem.Op{Num: 1, Delta: +1})
				return errors.Join(s.Do(bg, sem.Op{Num: 1, Delta: -1}), s.Do(bg, sem.Op{Delta: -1}))
			},
			func(t *testing.T, s *sem.Set) { kit.Must(t, s.Do(bg, sem.Op{})) },
		},
		"Value": {
			func(s *sem.Set) error { return s.Do(bg, sem.Op{Delta: +1}) },
			func(t *testing.T, s *sem.Set) {
				poll(t, func() (bool, error) { v, err := s.Value(0); return v == 2, err })
			},
		},
		"Values": {
			func(s *sem.Set) error { return s.Do(bg, sem.Op{Delta: +1}) },
			func(t *testing.T, s *sem.Set) {
				poll(t, func() (bool, error) {
					v, err := s.Values()
					return err == nil && v[0] == 2, err
				})
			},
		},
		"Remove": {
			(*sem.Set).Remove,
			func(t *testing.T, s *sem.Set) {
				if err := s.Do(bg, sem.Op{Delta: -2}); !errors.Is(err, sysv.ErrRemoved) {
					t.Errorf("Do = %v, want ErrRemoved", err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newSet(t, 1, 0)
			b := openID(t, a.ID())
			kit.WantOrder(t, func() error { return tt.act(a) }, func() { tt.see(t, b) })
		})
	}
}

// The values that Create gives are seen by who finds the set by its key.
func TestCreateIsOrderedForTheRaceDetector(t *testing.T) {
	key := newKey(t)
	said := ""
	var wg sync.WaitGroup
	wg.Go(func() {
		said = "done"
		if _, err := sem.Create(key, []int{1}, nil); err != nil {
			t.Error(err)
		}
	})
	var s *sem.Set
	kit.Eventually(t, "the set is there", func() (ok bool) {
		var err error
		s, err = sem.Open(bg, key, nil)
		return err == nil
	})
	kit.Must(t, s.Do(bg, take))
	if said != "done" {
		t.Errorf("said %q", said)
	}
	wg.Wait()
}

// reckless has two goroutines count that have nothing to do with each other.
var reckless = sysvtest.Helper("reckless", func(args []string) error {
	id, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var first, second *sem.Set
	if first, err = sem.OpenID(id); err == nil {
		second, err = sem.OpenID(id)
	}
	if err != nil {
		return err
	}
	count := 0
	count1 := func() error { count++; return nil }
	do := func(s *sem.Set, num, delta int) func() error {
		return func() error { return s.Do(bg, sem.Op{Num: num, Delta: delta}) }
	}
	var wg sync.WaitGroup
	run := func(steps ...func() error) {
		wg.Go(func() {
			for _, step := range steps {
				if err := step(); err != nil {
					panic(err)
				}
			}
		})
	}
	later := func() error { time.Sleep(50 * time.Millisecond); return nil }
	switch args[0] {
	case "under two semaphores":
		run(do(first, 0, -1), count1, do(first, 0, +1))
		run(later, do(second, 1, -1), count1, do(second, 1, +1))
	case "with a permit each":
		run(count1, do(first, 0, -1))
		run(later, do(second, 0, -1), count1)
	case "after giving":
		run(count1, do(first, 0, +1))
		run(later, do(second, 0, +1), count1)
	}
	wg.Wait()
	return nil
})

func TestSemaphoresHideNoRace(t *testing.T) {
	for _, how := range []string{"under two semaphores", "with a permit each", "after giving"} {
		t.Run(how, func(t *testing.T) {
			s := newSet(t, 2, 2)
			kit.WantRace(t, sysvtest.Command(reckless, how, strconv.Itoa(s.ID())))
		})
	}
}
