//go:build linux && !android

package lock_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
)

// ends are how a process can end that holds a mutex.
var ends = map[string]func(member){
	"killed":    func(p member) { p.Kill() },
	"by itself": func(p member) { p.Finish() },
}

// locks are the ways to lock what is to be had without waiting.
var locks = map[string]func(testing.TB, *lock.Mutex) (abandoned bool){
	"Lock": take,
	"TryLock": func(t testing.TB, m *lock.Mutex) bool {
		t.Helper()
		ok, abandoned, err := m.TryLock()
		kit.Must(t, err)
		if !ok {
			t.Fatal("not to be had")
		}
		return abandoned
	},
}

// What a dead owner left is abandoned for every owner until one has repaired it.
func TestAbandonedUntilRepaired(t *testing.T) {
	for endName, end := range ends {
		for lockName, take := range locks {
			t.Run(lockName+"/"+endName, func(t *testing.T) {
				g := newGroup(t, 2)
				m, theirs := g.Mutex(1), join(t, g).Mutex(1)
				p := startHolding(t, g, 1)
				wantHeld(t, m)
				end(p)
				for i := range 2 {
					for _, m := range []*lock.Mutex{m, theirs} {
						if !take(t, m) {
							t.Errorf("round %d: not abandoned", i)
						}
						kit.Must(t, m.Unlock())
					}
				}
				p = start(t, g)
				p.does("lock 1", "abandoned")
				p.does("unlock 1", "ok")
				if !take(t, m) {
					t.Error("not abandoned")
				}
				kit.Must(t, m.Repaired())
				kit.Must(t, m.Unlock())
				for range 2 {
					p.does("trylock 1", "locked")
					p.does("unlock 1", "ok")
					if take(t, m) || take(t, g.Mutex(0)) {
						t.Error("abandoned")
					}
					kit.Must(t, m.Unlock())
					kit.Must(t, g.Mutex(0).Unlock())
				}
				p.Finish()
			})
		}
	}
}

// An owner who repairs and dies before Unlock leaves it abandoned again.
func TestEveryDeathCounts(t *testing.T) {
	g := newGroup(t, 1)
	for i := range 3 {
		p := startHolding(t, g, 0)
		p.does("repaired 0", "ok")
		p.Kill()
		if !take(t, g.Mutex(0)) {
			t.Error("not abandoned")
		}
		if n := stat(t, g).Mutexes[0].Recoveries; n != i+1 {
			t.Errorf("%d recoveries, want %d", n, i+1)
		}
		kit.Must(t, g.Mutex(0).Repaired())
		kit.Must(t, g.Mutex(0).Unlock())
	}
}

// Who holds nothing leaves nothing abandoned.
func TestDeathWithoutTheMutex(t *testing.T) {
	g := newGroup(t, 2)
	m := g.Mutex(0)
	p := startHolding(t, g, 0)
	p.does("lock 1", "locked")
	p.does("unlock 0", "ok")
	p.Kill()
	if take(t, m) {
		t.Error("abandoned")
	}
	kit.Must(t, m.Unlock())
	if !take(t, g.Mutex(1)) {
		t.Error("not abandoned")
	}
	kit.Must(t, g.Mutex(1).Unlock())
}

// The end of an owner wakes who waits: in other processes, in ours, and behind
// that in Go. Each wakes the next.
func TestDeathWakesWaiters(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 1)
			m := g.Mutex(0)
			p := startHolding(t, g, 0)
			others := []member{start(t, g), start(t, g)}
			for _, p := range others {
				p.Send("lock 0")
				p.Send("unlock 0")
			}
			var waits []func() error
			for range 3 {
				waits = append(waits, kit.Async(t, func() error {
					abandoned, err := m.Lock(bg)
					if !abandoned {
						t.Error("not abandoned")
					}
					return errors.Join(err, m.Unlock())
				}))
			}
			awaitWaiters(t, g, 0, 3)
			awaitQueue(t, m, 2)
			end(p)
			for _, wait := range waits {
				kit.Must(t, wait())
			}
			for _, p := range others {
				p.Expect("abandoned")
				p.Expect("ok")
				p.Finish()
			}
			if n := stat(t, g).Mutexes[0].Recoveries; n != 1 {
				t.Errorf("%d recoveries, want 1", n)
			}
		})
	}
}

// A waiter that is killed, even first in the kernel's queue, is in nobody's way.
func TestDeathOfAWaiter(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	take(t, m)
	for range 3 {
		p, next := start(t, g), start(t, g)
		p.Send("lock 0")
		awaitWaiters(t, g, 0, 1)
		next.Send("lock 0")
		awaitWaiters(t, g, 0, 2)
		p.Kill()
		awaitWaiters(t, g, 0, 1)
		kit.Must(t, m.Unlock())
		next.Expect("locked")
		wait := kit.Async(t, func() error { _, err := m.Lock(bg); return err })
		awaitWaiters(t, g, 0, 1)
		next.does("unlock 0", "ok")
		kit.Must(t, wait())
		next.Finish()
	}
	if st := stat(t, g).Mutexes[0]; st.Abandoned || st.Recoveries != 0 {
		t.Errorf("%+v", st)
	}
	kit.Must(t, m.Unlock())
}

func TestStoppedOwnerIsAlive(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	p := startHolding(t, g, 0)
	p.stop(t)
	if _, err := m.Lock(kit.Brief(t)); err != context.DeadlineExceeded {
		t.Errorf("error %v", err)
	}
	wantHeld(t, m)
	p.Send("unlock 0")
	wait := kit.Async(t, func() error {
		abandoned, err := m.Lock(bg)
		if abandoned {
			t.Error("abandoned")
		}
		return err
	})
	awaitWaiters(t, g, 0, 1)
	p.resume(t)
	p.Expect("ok")
	kit.Must(t, wait())
	p.does("trylock 0", "busy")
	kit.Must(t, m.Unlock())
	p.Finish()
}

// After exec the new program holds what the old one held, without knowing it.
func TestExecKeepsTheMutex(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 1)
			m := g.Mutex(0)
			p := startHolding(t, g, 0)
			p.does("exec", "joined")
			p.does("trylock 0", "busy")
			p.does("unlock 0", lock.ErrNotLocked.Error())
			if _, err := m.Lock(kit.Brief(t)); err != context.DeadlineExceeded {
				t.Errorf("error %v", err)
			}
			if st := stat(t, g); !st.Mutexes[0].Held || st.Mutexes[0].Dead || st.Mutexes[0].PID != p.pid() || len(st.Members) != 3 {
				t.Errorf("%+v", st)
			}
			wait := kit.Async(t, func() error {
				abandoned, err := m.Lock(bg)
				if !abandoned {
					t.Error("not abandoned")
				}
				return err
			})
			awaitWaiters(t, g, 0, 1)
			end(p)
			kit.Must(t, wait())
			kit.Must(t, m.Unlock())
			if n := len(stat(t, g).Members); n != 1 {
				t.Errorf("%d members, want 1", n)
			}
		})
	}
}

// Whoever is dead is dead in every PID namespace.
func TestDeathInAnotherPIDNamespace(t *testing.T) {
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make a PID namespace without another user's")
	g := newGroup(t, 2)
	cmd := command(g)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	p := startCommand(t, cmd)
	p.does("pids", "[0 1] ok")
	ours := startHolding(t, g, 0)
	p.does("trylock 0", "busy")
	p.Send("lock 0")
	awaitWaiters(t, g, 0, 1)
	ours.Kill()
	p.Expect("abandoned")
	wantHeld(t, g.Mutex(0))
	p.does("lock 1", "locked")
	p.Kill()
	for i := range 2 {
		if !take(t, g.Mutex(i)) {
			t.Errorf("mutex %d is not abandoned", i)
		}
		kit.Must(t, g.Mutex(i).Unlock())
	}
}
