//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMoreProcessesThanSlots(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 3})
	a, b := start(t, g), start(t, g)
	wantFull := func() {
		t.Helper()
		_, err := lock.OpenID(kit.Patient(t), g.ID(), nil)
		kit.WantError(t, err, syscall.ENOSPC, "3 of 3 processes have joined")
	}
	wantFull()
	p := sysvtest.StartCommand(t, command(g))
	p.Expect("ENOSPC")
	p.Finish()
	wantFull()
	if n := nattch(t, g); n != 3 {
		t.Errorf("%d attachments, want 3", n)
	}
	for _, end := range []func(){a.Kill, b.Finish} {
		end()
		again, err := lock.OpenID(kit.Patient(t), g.ID(), nil)
		kit.Must(t, err)
		closeAfter(t, again)
		wantFree(t, again.Mutex(0))
		wantFull()
	}
}

// The word of a mutex can name a dead process when its slot has another.
func TestReusedSlot(t *testing.T) {
	for _, generation := range []uint32{0, 1, 1<<20 - 3, 1<<20 - 2, 1<<20 - 1} {
		t.Run(fmt.Sprint("from generation ", generation), func(t *testing.T) {
			g := newGroupFor(t, 3, &lock.Config{Processes: 2})
			w := wordsOf(t, g.ID())
			const slot = 1
			next := &w[generationOf(3, slot)]
			*next = generation
			startHolding(t, g, 0).Kill()
			if want := (slot+1)<<20 | (generation+1)%(1<<20); w[lineOf(0)] != want {
				t.Fatalf("the word is %#x, want %#x", w[lineOf(0)], want)
			}

			*next = generation // as after 1<<20 processes
			p := start(t, g)
			if st := stat(t, g); len(st.Members) != 2 || !st.Mutexes[0].Dead || !st.Mutexes[0].Held {
				t.Errorf("%+v", st)
			}
			p.does("unlock 0", lock.ErrNotLocked.Error())
			p.does("lock 1", "locked")
			p.Kill()

			*next = generation
			p = start(t, g)
			p.does("lock 2", "locked")
			p.does("lock 1", "abandoned")
			wantHeld(t, g.Mutex(1))
			wantHeld(t, g.Mutex(2))
			if !take(t, g.Mutex(0)) {
				t.Error("not abandoned")
			}
			kit.Must(t, g.Mutex(0).Unlock())
			p.does("lock 0", "abandoned")
			p.does("unlock 0", "ok")
			p.does("unlock 2", "ok")
			if take(t, g.Mutex(2)) {
				t.Error("abandoned")
			}
			kit.Must(t, g.Mutex(2).Unlock())
			p.Finish()
		})
	}
}

// Who waits for one process must not take the next one in its slot for it.
func TestWaiterOfAReusedSlot(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 3})
	waiter := start(t, g)
	p := startHolding(t, g, 0)
	slot := stat(t, g).Mutexes[0].Slot
	waiter.Send("lock 0")
	awaitWaiters(t, g, 0, 1)
	waiter.stop(t)
	p.Kill()
	p = start(t, g)
	if members := stat(t, g).Members; members[slot].PID != p.pid() {
		t.Fatalf("%+v, want process %d in slot %d", members, p.pid(), slot)
	}
	waiter.resume(t)
	waiter.Expect("abandoned")
	p.does("trylock 0", "busy")
	waiter.does("unlock 0", "ok")
	waiter.Finish()
	p.Finish()
}

// Each death leaves a token, and many of them say no more than one.
func TestTokensOfManyDeaths(t *testing.T) {
	g := newGroup(t, 1)
	token := func() int {
		v := values(t, g)
		return v[len(v)-1]
	}
	var dying []member
	for range 3 {
		p := start(t, g)
		p.does("lock 0", "locked")
		p.does("unlock 0", "ok")
		dying = append(dying, p)
	}
	for _, p := range dying {
		p.Kill()
	}
	if n := token(); n != 3 {
		t.Errorf("%d tokens, want 3", n)
	}
	wantFree(t, g.Mutex(0))
	if n := token(); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
	theirs := join(t, g).Mutex(0)
	take(t, theirs)
	if _, err := g.Mutex(0).Lock(kit.Brief(t)); err != context.DeadlineExceeded {
		t.Errorf("with a token that means nothing: %v", err)
	}
	kit.Must(t, theirs.Unlock())
}
