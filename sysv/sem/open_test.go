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
	"example.com/sysvipc/sysv/sem"
)

func TestOpenFindsNothing(t *testing.T) {
	key := newKey(t)
	_, err := sem.Open(patient(t), key, nil)
	wantError(t, err, fs.ErrNotExist)
	removed := newSet(t, 1)
	must(t, removed.Remove())
	there := newSet(t, 1).ID()
	wrapping := uint64(there) + 1<<32 // the same id to a kernel that takes 32 bits
	for _, id := range []int{-1, removed.ID(), int(wrapping)} {
		if id == there {
			continue // int has 32 bits
		}
		_, err := sem.OpenID(id)
		wantHint(t, err, fs.ErrNotExist, fmt.Sprintf("no set has id %d", id))
	}
}

func TestKeyZeroNamesNothing(t *testing.T) {
	before := len(list(t))
	_, err := sem.Open(patient(t), sysv.Private, nil)
	wantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, created, err := sem.OpenOrCreate(patient(t), sysv.Private, []int{1}, nil)
	wantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	if after := len(list(t)); created || after != before {
		t.Errorf("created %v, %d sets became %d", created, before, after)
	}
}

func TestOpenOrCreate(t *testing.T) {
	key := newKey(t)
	first, created, err := sem.OpenOrCreate(patient(t), key, []int{1, 2}, nil)
	must(t, err)
	if !created {
		t.Error("the first did not create")
	}
	second, created, err := sem.OpenOrCreate(patient(t), key, []int{8, 9}, nil)
	must(t, err)
	if created || second.ID() != first.ID() {
		t.Errorf("the second: created %v, set %d, want false, %d", created, second.ID(), first.ID())
	}
	wantValues(t, second, 1, 2)

	set, created, err := sem.OpenOrCreate(patient(t), key, []int{1, 2, 3}, nil)
	wantHint(t, err, syscall.EINVAL, "exists with 2 semaphores", "3 are asked for")
	if set != nil || created {
		t.Errorf("set %v, created %v beside an error", set, created)
	}
}

func TestEndedContextOpensAndCreatesNothing(t *testing.T) {
	key := newKey(t)
	_, created, err := sem.OpenOrCreate(ended(t), key, []int{1}, nil)
	if err != context.Canceled || created {
		t.Errorf("created %v, error %v", created, err)
	}
	_, err = sem.Open(patient(t), key, nil)
	wantError(t, err, fs.ErrNotExist)

	_, err = sem.Create(key, []int{1}, nil)
	must(t, err)
	if _, err := sem.Open(ended(t), key, nil); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

func TestOwnedBy(t *testing.T) {
	key := newKey(t)
	me, other := uint32(os.Geteuid()), uint32(os.Geteuid())+1
	s, created, err := sem.OpenOrCreate(patient(t), key, []int{1}, &sem.Config{OwnedBy: &other})
	must(t, err)
	if !created {
		t.Error("a set that is made here need not be owned by anybody")
	}
	open := func(uid uint32) error {
		_, err1 := sem.Open(patient(t), key, &sem.OpenConfig{OwnedBy: &uid})
		_, _, err2 := sem.OpenOrCreate(patient(t), key, []int{1}, &sem.Config{OwnedBy: &uid})
		if (err1 == nil) != (err2 == nil) {
			t.Errorf("Open: %v, OpenOrCreate: %v", err1, err2)
		}
		return err1
	}
	must(t, open(me))
	wantHint(t, open(other), fs.ErrPermission, fmt.Sprintf("not by uid %d", other))

	if me == 0 { // only root has a second user to give it to
		must(t, s.SetPerm(other, other, 0o600))
		wantHint(t, open(me), fs.ErrPermission, "owned by uid 1")
		wantHint(t, open(other), fs.ErrPermission, "created by uid 0")
	}
}

// A set that somebody put under a key, or gave away to be trusted, is not the
// one that OwnedBy asks for.
func TestOwnedByRefusesForeignSets(t *testing.T) {
	key := newKey(t)
	squatter := aliceOwns(t, key, 0o666)
	check := func(uid uint32, want error, parts ...string) {
		t.Helper()
		_, err := sem.Open(patient(t), key, &sem.OpenConfig{OwnedBy: &uid})
		_, created, err2 := sem.OpenOrCreate(patient(t), key, []int{0, 1, 1}, &sem.Config{OwnedBy: &uid})
		for _, err := range []error{err, err2} {
			wantError(t, err, want)
			if want != nil {
				wantHint(t, err, want, parts...)
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
	_, err := sem.Open(patient(t), key, &sem.OpenConfig{OwnedBy: &other})
	wantError(t, err, fs.ErrPermission)
	_, _, err = sem.OpenOrCreate(patient(t), key, []int{1}, &sem.Config{OwnedBy: &other})
	wantError(t, err, fs.ErrPermission)
}

func TestOpenGivesUpOnASetWithoutValues(t *testing.T) {
	key := newKey(t)
	id := bareSet(t, key, 2, 0o600)
	want := []string{fmt.Sprintf("OpenID(%d)", id), fmt.Sprintf("ipcrm -s %d", id)}

	_, err := sem.Open(brief(t), key, nil)
	wantHint(t, err, sysv.ErrNotInitialized, want...)
	wantError(t, err, context.DeadlineExceeded)
	if e, ok := errors.AsType[*sysv.Error](err); !ok || e.ID != id || e.Key != key {
		t.Errorf("%#v", err)
	}
	_, created, err := sem.OpenOrCreate(brief(t), key, []int{1, 2}, nil)
	wantHint(t, err, sysv.ErrNotInitialized, want...)
	if created {
		t.Error("created")
	}

	ctx, cancel := context.WithCancel(t.Context())
	wait := async(t, func() error { _, err := sem.Open(ctx, key, nil); return err })
	cancel()
	wantError(t, wait(), context.Canceled)

	s := openID(t, id) // which never waits
	wantValues(t, s, 0, 0)
	must(t, s.Remove())
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
			must(t, give(id))
			s, err := sem.Open(patient(t), key, nil)
			must(t, err)
			if s.ID() != id || s.Len() != 3 {
				t.Errorf("set %d of %d, want %d of 3", s.ID(), s.Len(), id)
			}
		})
	}
}

func TestOpenWaitsForTheValues(t *testing.T) {
	for name, give := range foreign {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			id := bareSet(t, key, 3, 0o600)
			gaveUp := brief(t)
			wait := async(t, func() error {
				s, err := sem.Open(patient(t), key, nil)
				if err == nil && gaveUp.Err() == nil {
					return errors.New("open before it had values")
				}
				if err == nil && s.ID() != id {
					err = fmt.Errorf("set %d, want %d", s.ID(), id)
				}
				return err
			})
			<-gaveUp.Done()
			must(t, give(id))
			must(t, wait())
		})
	}
}

func TestOpenSeesTheSetGoThatItWaitsFor(t *testing.T) {
	key := newKey(t)
	id := bareSet(t, key, 1, 0o600)
	open := async(t, func() error { _, err := sem.Open(patient(t), key, nil); return err })
	openOrCreate := async(t, func() error {
		_, created, err := sem.OpenOrCreate(patient(t), key, []int{6}, nil)
		if err == nil && !created {
			err = errors.New("opened a set that was removed")
		}
		return err
	})
	<-brief(t).Done() // both wait by then
	must(t, openID(t, id).Remove())
	must(t, openOrCreate())
	if err := open(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err) // else it found the second set, or was in time to find none
	}
	s, err := sem.Open(patient(t), key, nil)
	must(t, err)
	wantValues(t, s, 6)
}
