//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

func TestOpenFindsNothing(t *testing.T) {
	key := newKey(t)
	_, err := sem.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	removed := newSet(t, 1)
	kit.Must(t, removed.Remove())
	there := newSet(t, 1).ID()
	wrapping := uint64(there) + 1<<32 // the same id to a kernel that takes 32 bits
	for _, id := range []int{-1, removed.ID(), int(wrapping)} {
		if id == there {
			continue // int has 32 bits
		}
		_, err := sem.OpenID(id)
		kit.WantHint(t, err, fs.ErrNotExist, fmt.Sprintf("no set has id %d", id))
	}
}

func TestKeyZeroNamesNothing(t *testing.T) {
	before := len(list(t))
	_, err := sem.Open(kit.Patient(t), sysv.Private, nil)
	kit.WantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, created, err := sem.OpenOrCreate(kit.Patient(t), sysv.Private, []int{1}, nil)
	kit.WantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	if after := len(list(t)); created || after != before {
		t.Errorf("created %v, %d sets became %d", created, before, after)
	}
}

func TestOpenOrCreate(t *testing.T) {
	key := newKey(t)
	first, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{1, 2}, nil)
	kit.Must(t, err)
	if !created {
		t.Error("the first did not create")
	}
	second, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{8, 9}, nil)
	kit.Must(t, err)
	if created || second.ID() != first.ID() {
		t.Errorf("the second: created %v, set %d, want false, %d", created, second.ID(), first.ID())
	}
	wantValues(t, second, 1, 2)

	set, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{1, 2, 3}, nil)
	kit.WantHint(t, err, sysv.ErrSize, "2 semaphores, 3 are asked for")
	if set != nil || created {
		t.Errorf("set %v, created %v beside an error", set, created)
	}
}

func TestEndedContextOpensAndCreatesNothing(t *testing.T) {
	key := newKey(t)
	_, created, err := sem.OpenOrCreate(kit.Ended(t), key, []int{1}, nil)
	if !errors.Is(err, context.Canceled) || created {
		t.Errorf("created %v, error %v", created, err)
	}
	_, err = sem.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)

	_, err = sem.Create(key, []int{1}, nil)
	kit.Must(t, err)
	if _, err := sem.Open(kit.Ended(t), key, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOwnedBy(t *testing.T) {
	key := newKey(t)
	me, other := uint32(os.Geteuid()), uint32(os.Geteuid())+1
	s, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{1}, &sem.Config{OwnedBy: &other})
	kit.Must(t, err)
	if !created {
		t.Error("a set that is made here need not be owned by anybody")
	}
	open := func(uid uint32) error {
		_, err1 := sem.Open(kit.Patient(t), key, &sem.OpenConfig{OwnedBy: &uid})
		_, _, err2 := sem.OpenOrCreate(kit.Patient(t), key, []int{1}, &sem.Config{OwnedBy: &uid})
		if (err1 == nil) != (err2 == nil) {
			t.Errorf("Open: %v, OpenOrCreate: %v", err1, err2)
		}
		return err1
	}
	kit.Must(t, open(me))
	kit.WantHint(t, open(other), fs.ErrPermission, fmt.Sprintf("not by uid %d", other))

	if me == 0 { // only root has a second user to give it to
		kit.Must(t, s.SetPerm(other, other, 0o600))
		kit.WantHint(t, open(me), fs.ErrPermission, "owned by uid 1")
		kit.WantHint(t, open(other), fs.ErrPermission, "created by uid 0")
	}
}

// A set that somebody put under a key, or gave away to be trusted, is not the
// one that OwnedBy asks for.
func TestOwnedByRefusesForeignSets(t *testing.T) {
	key := newKey(t)
	squatter := aliceOwns(t, key, 0o666)
	check := func(uid uint32, want error, parts ...string) {
		t.Helper()
		_, err := sem.Open(kit.Patient(t), key, &sem.OpenConfig{OwnedBy: &uid})
		_, created, err2 := sem.OpenOrCreate(kit.Patient(t), key, []int{0, 1, 1}, &sem.Config{OwnedBy: &uid})
		for _, err := range []error{err, err2} {
			kit.WantError(t, err, want)
			if want != nil {
				kit.WantHint(t, err, want, parts...)
			}
		}
		if created {
			t.Error("created")
		}
	}
	check(alice, nil)
	check(0, fs.ErrPermission, "created by uid 65533 and owned by uid 65533, not by uid 0 as asked")
	squatter.Send("0")
	squatter.Expect("ok")
	check(0, fs.ErrPermission, "created by uid 65533 and owned by uid 0, not by uid 0 as asked")
	check(alice, fs.ErrPermission)
}

// Nobody can make an opener wait for values who asks for his own set.
func TestOwnedByDoesNotWaitForForeignSets(t *testing.T) {
	key := newKey(t)
	bareSet(t, key, 1, 0o666)
	other := uint32(os.Geteuid()) + 1
	_, err := sem.Open(kit.Patient(t), key, &sem.OpenConfig{OwnedBy: &other})
	kit.WantError(t, err, fs.ErrPermission)
	_, _, err = sem.OpenOrCreate(kit.Patient(t), key, []int{1}, &sem.Config{OwnedBy: &other})
	kit.WantError(t, err, fs.ErrPermission)
}

func TestOpenGivesUpOnASetWithoutValues(t *testing.T) {
	key := newKey(t)
	id := bareSet(t, key, 2, 0o600)
	want := []string{fmt.Sprintf("OpenID(%d)", id)}

	_, err := sem.Open(kit.Brief(t), key, nil)
	kit.WantHint(t, err, sysv.ErrNotInitialized, want...)
	kit.WantError(t, err, context.DeadlineExceeded)
	if e, ok := errors.AsType[*sysv.Error](err); !ok || e.ID != id || e.Key != key {
		t.Errorf("%#v", err)
	}
	_, created, err := sem.OpenOrCreate(kit.Brief(t), key, []int{1, 2}, nil)
	kit.WantHint(t, err, sysv.ErrNotInitialized, want...)
	if created {
		t.Error("created")
	}

	ctx, cancel := context.WithCancel(t.Context())
	wait := kit.Async(t, func() error { _, err := sem.Open(ctx, key, nil); return err })
	cancel()
	kit.WantError(t, wait(), context.Canceled)

	s := openID(t, id) // which never waits
	wantValues(t, s, 0, 0)
	kit.Must(t, s.Remove())
}

// How other programs give a set its values, which takes them at least one call
// more than semget.
var foreign = map[string]func(id int) error{
	"semop":                  func(id int) error { return sys.Semtimedop(id, []sys.Sembuf{{Num: 1, Op: 1}}, -1) },
	"semop that waits for 0": func(id int) error { return sys.Semtimedop(id, []sys.Sembuf{{Num: 1}}, -1) },
	"SETVAL":                 func(id int) error { return sys.SemSetval(id, 0, 5) },
	"SETVAL of the last":     func(id int) error { return sys.SemSetval(id, 2, 5) },
	"SETVAL to 0":            func(id int) error { return sys.SemSetval(id, 1, 0) },
	"SETALL":                 func(id int) error { return sys.SemSetall(id, []uint16{0, 4, 0}) },
	"SETALL to 0":            func(id int) error { return sys.SemSetall(id, []uint16{0, 0, 0}) },
}

func TestForeignSetsAreRecognised(t *testing.T) {
	for name, give := range foreign {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			id := bareSet(t, key, 3, 0o600)
			kit.Must(t, give(id))
			s, err := sem.Open(kit.Patient(t), key, nil)
			kit.Must(t, err)
			if s.ID() != id || s.Len() != 3 {
				t.Errorf("set %d of %d, want %d of 3", s.ID(), s.Len(), id)
			}
		})
	}
}

func TestOpenWaitsForTheValues(t *testing.T) {
	for name, give := range foreign {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they all wait
			key := newKey(t)
			id := bareSet(t, key, 3, 0o600)
			gaveUp := kit.Brief(t)
			wait := kit.Async(t, func() error {
				s, err := sem.Open(kit.Patient(t), key, nil)
				if err == nil && gaveUp.Err() == nil {
					return errors.New("open before it had values")
				}
				if err == nil && s.ID() != id {
					err = fmt.Errorf("set %d, want %d", s.ID(), id)
				}
				return err
			})
			<-gaveUp.Done()
			kit.Must(t, give(id))
			kit.Must(t, wait())
		})
	}
}

func TestOpenSeesTheSetGoThatItWaitsFor(t *testing.T) {
	key := newKey(t)
	id := bareSet(t, key, 1, 0o600)
	open := kit.Async(t, func() error { _, err := sem.Open(kit.Patient(t), key, nil); return err })
	openOrCreate := kit.Async(t, func() error {
		_, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{6}, nil)
		if err == nil && !created {
			err = errors.New("opened a set that was removed")
		}
		return err
	})
	<-kit.Brief(t).Done() // both wait by then
	kit.Must(t, openID(t, id).Remove())
	kit.Must(t, openOrCreate())
	if err := open(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err) // else it found the second set, or was in time to find none
	}
	s, err := sem.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	wantValues(t, s, 6)
}
