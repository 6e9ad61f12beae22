//go:build linux && !android

package lock_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

func TestOpenFindsNothing(t *testing.T) {
	key := newKey(t)
	_, err := lock.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	for _, id := range []int{-1, 1<<31 - 1} {
		_, err := lock.OpenID(kit.Patient(t), id, nil)
		kit.WantError(t, err, fs.ErrNotExist, fmt.Sprintf("no segment has id %d", id))
	}
	wantNames(t, key)
}

func TestKeyZeroNamesNothing(t *testing.T) {
	_, err := lock.Open(kit.Patient(t), sysv.Private, nil)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, created, err := lock.OpenOrCreate(kit.Patient(t), sysv.Private, 1, nil)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
	if created {
		t.Error("created")
	}
}

func TestOpen(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(bg, key, 3, nil)
	kit.Must(t, err)
	endGroup(t, g)
	byKey, err := lock.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	closeAfter(t, byKey)
	byID, err := lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.Must(t, err)
	closeAfter(t, byID)
	for i := range 3 {
		take(t, g.Mutex(i))
		for _, opened := range []*lock.Group{byKey, byID} {
			if opened.ID() != g.ID() || opened.Key() != key || opened.Len() != 3 {
				t.Errorf("group %d, key %v, %d mutexes, want %d, %v, 3", opened.ID(), opened.Key(), opened.Len(), g.ID(), key)
			}
			wantHeld(t, opened.Mutex(i))
		}
		kit.Must(t, g.Mutex(i).Unlock())
	}
}

func TestOpenOrCreate(t *testing.T) {
	key := newKey(t)
	first, created, err := lock.OpenOrCreate(kit.Patient(t), key, 2, &lock.Config{Processes: 3})
	kit.Must(t, err)
	endGroup(t, first)
	if !created {
		t.Error("the first did not create")
	}
	second, created, err := lock.OpenOrCreate(kit.Patient(t), key, 2, &lock.Config{Processes: 100})
	kit.Must(t, err)
	closeAfter(t, second)
	if created || second.ID() != first.ID() {
		t.Errorf("the second: created %v, group %d, want false, %d", created, second.ID(), first.ID())
	}

	g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 5, nil)
	kit.WantError(t, err, sysv.ErrSize, "2 mutexes, 0 RWMutexes and 0 bytes of memory, 5 mutexes, 0 RWMutexes and 0 bytes of memory are asked for")
	if g != nil || created {
		t.Errorf("group %v, created %v beside an error", g, created)
	}
	if n := len(stat(t, first).Members); n != 2 {
		t.Errorf("%d members, want 2", n)
	}
}

func TestEndedContextOpensAndCreatesNothing(t *testing.T) {
	key := newKey(t)
	_, created, err := lock.OpenOrCreate(kit.Ended(t), key, 1, nil)
	if err != context.Canceled || created {
		t.Errorf("created %v, error %v", created, err)
	}
	wantNames(t, key)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	endGroup(t, g)
	if _, err := lock.Open(kit.Ended(t), key, nil); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if _, err := lock.OpenID(kit.Ended(t), g.ID(), nil); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

// Somebody who joins can be stopped in the middle of it.
func TestOpenWaitsForWhoJoins(t *testing.T) {
	g := newGroup(t, 1)
	set := setOf(t, g)
	kit.Must(t, set.Do(bg, sem.Op{Num: joining, Delta: -1}))
	_, err := lock.OpenID(kit.Brief(t), g.ID(), nil)
	kit.WantError(t, err, context.DeadlineExceeded)
	wait := kit.Async(t, func() error {
		g, err := lock.OpenID(bg, g.ID(), nil)
		if err != nil {
			return err
		}
		return g.Close()
	})
	kit.Eventually(t, "it waits", func() bool { n, err := set.Waiters(joining); return n == 1 && err == nil })
	kit.Must(t, set.Do(bg, sem.Op{Num: joining, Delta: +1}))
	kit.Must(t, wait())
}

// race opens or creates the group of each line's key, once the gate is 0,
// visits what it guards and prints how it went.
var race = sysvtest.Helper("race", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	gate, err := sem.OpenID(id)
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		key, err := sysv.ParseKey(in.Text())
		if err != nil {
			return err
		}
		if err := gate.Do(bg, sem.Op{}); err != nil {
			return err
		}
		g, created, err := lock.OpenOrCreate(bg, key, 1, nil)
		if err != nil {
			return err
		}
		abandoned, err := g.Mutex(0).Lock(bg)
		if err != nil {
			return err
		}
		if err := g.Mutex(0).Unlock(); err != nil {
			return err
		}
		fmt.Println("created", created, "abandoned", abandoned)
		if err := g.Close(); err != nil {
			return err
		}
	}
	return nil
})

func TestOneOfManyCreates(t *testing.T) {
	emulator.Mode.Skip(t)
	runners, rounds := 16, storm.Amount(4, 300)
	gate, err := sem.Create(sysv.Private, []int{1}, nil)
	kit.Must(t, err)
	defer gate.Remove()
	var field []*sysvtest.Process
	for range runners {
		field = append(field, sysvtest.Start(t, race, strconv.Itoa(gate.ID())))
	}
	for range rounds {
		key := newKey(t)
		kit.Must(t, gate.SetValue(0, 1))
		for _, p := range field {
			p.Send(key.String())
		}
		kit.Eventually(t, "all are at the gate", func() bool { n, err := gate.ZeroWaiters(0); return n == runners && err == nil })
		kit.Must(t, gate.SetValue(0, 0))
		got := make(map[string]int)
		for _, p := range field {
			got[p.Line()]++
		}
		want := map[string]int{"created true abandoned false": 1, "created false abandoned false": runners - 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, p := range field {
		p.Finish()
	}
}
