//go:build linux && !android

package lock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

func ephemeral(b byte) *lock.Config {
	return &lock.Config{Processes: 8, Memory: 256, Init: letter(b), Ephemeral: true}
}

// wantBegun opens or creates an ephemeral group and checks whether it is a new one.
func wantBegun(t *testing.T, key sysv.Key, cfg *lock.Config, created bool, b byte) *lock.Group {
	t.Helper()
	g, got, err := lock.OpenOrCreate(kit.Patient(t), key, 2, cfg)
	kit.Must(t, err)
	closeAfter(t, g)
	if got != created {
		t.Errorf("created %v, want %v", got, created)
	}
	wantMemory(t, g, cfg.Memory, b)
	if st := stat(t, g); !st.Ephemeral {
		t.Errorf("%+v", st)
	}
	return g
}

func TestTheLastToCloseRemovesAnEphemeralGroup(t *testing.T) {
	key := newKey(t)
	g := wantBegun(t, key, ephemeral('a'), true, 'a')
	p := start(t, g)
	again := wantBegun(t, key, ephemeral('b'), false, 'a')
	kit.Must(t, g.Close())
	p.Send("close")
	p.Expect("ok")
	wantFree(t, again.Mutex(0))
	kit.Must(t, again.Close())
	wantNames(t, key)
}

// Those who close and those who come at the same time have a group, or make one.
func TestEphemeralGroupsComeAndGo(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	var inside atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				g, _, err := lock.OpenOrCreate(kit.Patient(t), key, 2, ephemeral('a'))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := g.Mutex(0).Lock(bg); err != nil {
					t.Error(err)
				}
				if inside.Add(1) != 1 {
					t.Error("two are inside")
				}
				inside.Add(-1)
				if err := g.Mutex(0).Unlock(); err != nil {
					t.Error(err)
				}
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	wantNames(t, key)
}

// After a kill of the last one the group is there, but nobody's.
func TestNobodyJoinsAnEphemeralGroupOfTheDead(t *testing.T) {
	key := newKey(t)
	g := wantBegun(t, key, ephemeral('a'), true, 'a')
	id := g.ID()
	p := startHolding(t, g, 1)
	g.Memory()[3] = '?'
	kit.Must(t, g.Close())
	p.Kill()
	_, err := lock.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist, "its last member has ended")
	_, err = lock.OpenID(kit.Patient(t), id, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	next := wantBegun(t, key, ephemeral('b'), true, 'b')
	wantFree(t, next.Mutex(0))
	if take(t, next.Mutex(1)) {
		t.Error("what is new is abandoned")
	}
	kit.Must(t, next.Mutex(1).Unlock())
	kit.Must(t, next.Close())
	wantNames(t, key)
}

// One of another size is no use: it is removed.
func TestAnEphemeralGroupOfTheDeadHasAnotherSize(t *testing.T) {
	key := newKey(t)
	g := wantBegun(t, key, ephemeral('a'), true, 'a')
	id := g.ID()
	p := start(t, g)
	kit.Must(t, g.Close())
	p.Kill()
	larger := ephemeral('b')
	larger.Memory = 1024
	next := wantBegun(t, key, larger, true, 'b')
	if next.ID() == id {
		t.Error("it is the old one")
	}
	kit.Must(t, next.Close())
	wantNames(t, key)
}

// ephemeralHelper opens or creates an ephemeral group with so much memory, and says how.
var ephemeralHelper = sysvtest.Helper("ephemeral", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	cfg := ephemeral('b')
	cfg.Mode = 0o666
	if cfg.Memory, err = strconv.Atoi(args[1]); err != nil {
		return err
	}
	g, created, err := lock.OpenOrCreate(bg, key, 2, cfg)
	if err != nil {
		fmt.Println(outcome(err))
		return nil
	}
	fmt.Printf("created %v, memory %q\n", created, g.Memory()[:3])
	if _, err := g.Mutex(0).Lock(bg); err != nil { // free, whoever had it
		return err
	}
	return errors.Join(g.Mutex(0).Unlock(), g.Close())
})

func TestAnotherProcessMakesAnEphemeralGroup(t *testing.T) {
	key := newKey(t)
	p := sysvtest.Start(t, ephemeralHelper, key.String(), "256")
	p.Expect(`created true, memory "bbb"`)
	p.Finish()
	wantNames(t, key)
}

// Who may not remove begins anew in what is there, if it is what he wants.
func TestAStrangerBeginsAnew(t *testing.T) {
	emulator.Mode.Skip(t)
	kit.NeedRoot(t, "can be two users")
	key := newKey(t)
	cfg := ephemeral('a')
	cfg.Mode = 0o666
	g := wantBegun(t, key, cfg, true, 'a')
	p := startHolding(t, g, 0)
	kit.Must(t, g.Close())
	p.Kill()
	stranger := func(memory, want string) {
		t.Helper()
		p := sysvtest.StartCommand(t, kit.Ordinary(sysvtest.Command(ephemeralHelper, key.String(), memory)))
		p.Expect(want)
		p.Finish()
	}
	stranger("1024", "EPERM")
	stranger("256", `created true, memory "bbb"`)
	if n := len(names(t, key)); n != 2 { // he could not remove it in the end
		t.Errorf("the key names %d objects", n)
	}
	next := wantBegun(t, key, cfg, true, 'a')
	kit.Must(t, next.Close())
	wantNames(t, key)
}
