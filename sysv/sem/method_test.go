//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// methods are all methods that ask the kernel, in an order in which each can
// succeed on a set of the values 0, 1, 1. Those that change its permissions
// come last.
var methods = kit.Methods[*sem.Set]{
	{"Set.Value", func(s *sem.Set) error { _, err := s.Value(0); return err }},
	{"Set.Values", func(s *sem.Set) error { _, err := s.Values(); return err }},
	{"Set.AppendValues", func(s *sem.Set) error { _, err := s.AppendValues(nil); return err }},
	{"Set.LastPID", func(s *sem.Set) error { _, err := s.LastPID(0); return err }},
	{"Set.Waiters", func(s *sem.Set) error { _, err := s.Waiters(0); return err }},
	{"Set.ZeroWaiters", func(s *sem.Set) error { _, err := s.ZeroWaiters(0); return err }},
	{"Set.Stat", func(s *sem.Set) error { _, err := s.Stat(); return err }},
	{"Set.Do", func(s *sem.Set) error { return s.Do(bg, post, take) }},
	{"Set.Do for 0", func(s *sem.Set) error { return s.Do(bg, zero) }},
	{"Set.Try", func(s *sem.Set) error { _, err := s.Try(post, take); return err }},
	{"Set.Try for 0", func(s *sem.Set) error { _, err := s.Try(zero); return err }},
	{"Mutex.Lock", func(s *sem.Set) error { return s.Mutex(1).Lock(bg) }},
	{"Mutex.TryLock", func(s *sem.Set) error { _, err := s.Mutex(2).TryLock(); return err }},
	{"Mutex.Unlock", func(s *sem.Set) error { return s.Mutex(0).Unlock() }},
	{"Counting.Release", func(s *sem.Set) error { return s.Counting(0, sem.Undo).Release(1) }},
	{"Counting.Acquire", func(s *sem.Set) error { return s.Counting(0, sem.Undo).Acquire(bg, 1) }},
	{"Counting.TryAcquire", func(s *sem.Set) error { _, err := s.Counting(0, 0).TryAcquire(1); return err }},
	{"Set.SetValue", func(s *sem.Set) error { return s.SetValue(0, 0) }},
	{"Set.SetValues", func(s *sem.Set) error { return s.SetValues([]int{0, 1, 1}) }},
	{"Set.SetPerm", func(s *sem.Set) error { return s.SetPerm(uint32(os.Geteuid()), uint32(os.Getegid()), 0o600) }},
	{"Set.SetMode", func(s *sem.Set) error { return s.SetMode(0o600) }},
	{"Set.Remove", func(s *sem.Set) error { return s.Remove() }},
}

func TestMethodsAreComplete(t *testing.T) {
	known := map[string]bool{"Set.ID": true, "Set.Key": true, "Set.Len": true, "Set.Mutex": true, "Set.Counting": true}
	for _, m := range methods {
		known[strings.Fields(m.Name)[0]] = true
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[*sem.Set](), reflect.TypeFor[*sem.Mutex](), reflect.TypeFor[*sem.Counting]()} {
		for i := range typ.NumMethod() {
			if name := typ.Elem().Name() + "." + typ.Method(i).Name; !known[name] {
				t.Errorf("%s is not in the table of methods", name)
			}
		}
	}
}

func TestEveryMethodSaysThatTheSetIsRemoved(t *testing.T) {
	s := newSet(t, 1, 1, 1)
	kit.Must(t, s.Mutex(0).Lock(bg)) // else Unlock does not ask the kernel
	kit.Must(t, openID(t, s.ID()).Remove())
	if diff := cmp.Diff(methods.All(sysv.ErrRemoved.Error(), nil), methods.Outcomes(s, outcome)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.WantHint(t, s.Remove(), sysv.ErrRemoved, "ipcrm")
	kit.WantError(t, s.Mutex(0).Unlock(), sem.ErrNotLocked)
	for _, stat := range list(t) {
		if stat.ID == s.ID() {
			t.Error("the set is still in the list")
		}
	}
}

// methodsHelper opens the set of a key and prints how each method goes.
var methodsHelper = sysvtest.Helper("methods", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(bg, 500*time.Millisecond)
	defer cancel()
	s, err := sem.Open(ctx, key, nil)
	if errors.Is(err, sysv.ErrNotInitialized) {
		fmt.Println(outcome(err))
		return nil
	}
	if err != nil {
		return err
	}
	kit.PrintOutcomes(methods.Outcomes(s, outcome))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

// callAllOrdinary calls all methods in an ordinary user's process.
func callAllOrdinary(t *testing.T, key sysv.Key) map[string]string {
	t.Helper()
	return startCallAll(t, kit.Ordinary(sysvtest.Command(methodsHelper, key.String())))
}

func startCallAll(t *testing.T, cmd *exec.Cmd) map[string]string {
	t.Helper()
	p := sysvtest.StartCommand(t, cmd)
	got := kit.ReadOutcomes(p.Line)
	p.Finish()
	return got
}

func TestOwnerIsBoundByTheMode(t *testing.T) {
	emulator.Mode.Skip(t)
	reads := func(what string) map[string]string {
		want := make(map[string]string)
		for _, name := range []string{"Value", "Values", "AppendValues", "LastPID", "Waiters", "ZeroWaiters", "Stat", "Do for 0", "Try for 0"} {
			want["Set."+name] = what
		}
		return want
	}
	writes := func(what string) map[string]string {
		want := make(map[string]string)
		for _, name := range []string{"Set.Do", "Set.Try", "Mutex.Lock", "Mutex.TryLock", "Counting.Release", "Counting.Acquire", "Counting.TryAcquire", "Set.SetValue", "Set.SetValues"} {
			want[name] = what
		}
		return want
	}
	none := reads("EACCES")
	for name, what := range writes("EACCES") {
		none[name] = what
	}
	for _, tt := range []struct {
		mode   fs.FileMode
		except map[string]string
	}{
		{0o600, nil},
		{0o400, writes("EACCES")},
		{0o200, reads("EACCES")},
		{0o000, none}, // and yet the owner can have it back
		{0o077, none},
	} {
		t.Run(fmt.Sprintf("%#o", uint32(tt.mode)), func(t *testing.T) {
			if tt.mode == 0o200 {
				emulator.WriteOnly.Skip(t)
			}
			key := newKey(t)
			s, err := sem.Create(key, []int{0, 1, 1}, nil)
			kit.Must(t, err)
			if os.Geteuid() == 0 {
				kit.Must(t, s.SetPerm(kit.Nobody, kit.Nobody, tt.mode))
			} else {
				kit.Must(t, s.SetMode(tt.mode))
			}
			want := methods.All("ok", tt.except)
			want["Mutex.Unlock"] = sem.ErrNotLocked.Error()
			if diff := cmp.Diff(want, callAllOrdinary(t, key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStrangerIsBoundByTheMode(t *testing.T) {
	emulator.Mode.Skip(t)
	admin := map[string]string{"Set.SetPerm": "EPERM", "Set.SetMode": "EPERM", "Set.Remove": "EPERM", "Mutex.Unlock": sem.ErrNotLocked.Error()}
	with := func(what string, names ...string) map[string]string {
		want := methods.All("EACCES", admin)
		for _, name := range names {
			want[name] = what
		}
		return want
	}
	for _, tt := range []struct {
		mode fs.FileMode
		want map[string]string
	}{
		{0o600, with("")},
		{0o660, with("")},
		{0o604, with("ok", "Set.Value", "Set.Values", "Set.AppendValues", "Set.LastPID", "Set.Waiters", "Set.ZeroWaiters", "Set.Stat", "Set.Do for 0", "Set.Try for 0")},
		{0o602, with("ok", "Set.Do", "Set.Try", "Mutex.Lock", "Mutex.TryLock", "Counting.Release", "Counting.Acquire", "Counting.TryAcquire", "Set.SetValue", "Set.SetValues")},
		{0o606, methods.All("ok", admin)},
	} {
		t.Run(fmt.Sprintf("%#o", uint32(tt.mode)), func(t *testing.T) {
			if tt.mode == 0o602 {
				emulator.WriteOnly.Skip(t)
			}
			key := newKey(t)
			aliceOwns(t, key, tt.mode)
			s, err := sem.Open(kit.Patient(t), key, nil)
			kit.Must(t, err)
			before := statOf(t, s)
			if diff := cmp.Diff(tt.want, callAllOrdinary(t, key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, statOf(t, s), ignoreTimes); diff != "" || before.UID != alice || before.CUID != alice {
				t.Errorf("the set of %+v (-before +after):\n%s", before.Perm, diff)
			}
			if tt.mode&0o002 == 0 {
				wantValues(t, s, 0, 1, 1)
			}
		})
	}
}

// EACCES and EPERM, which the tables above tell apart, are both refusals, and
// the hint says by whom.
func TestRefusalsSayWhoseTheSetIs(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipping: root is refused nothing: run the test as another user too")
	}
	s := newSet(t, 1)
	kit.Must(t, s.SetMode(0))
	_, err := s.Value(0)
	kit.WantHint(t, err, fs.ErrPermission, fmt.Sprintf("owned by uid %d", os.Geteuid()), "mode 0")
	kit.WantHint(t, s.Do(bg, post), fs.ErrPermission, "mode 0")
}

// Whether there are values can't be seen without read permission: there is
// nothing to wait for then.
func TestWhatMayNotBeReadIsNotWaitedFor(t *testing.T) {
	kit.NeedRoot(t, "can be two users")
	key := newKey(t)
	bareSet(t, key, 3, 0o600)
	if got := callAllOrdinary(t, key); len(got) != len(methods) {
		t.Errorf("the set was not opened: %v", got)
	}
}

// Whoever gave the values may have no pid that the opener can see, see
// pid_namespaces(7).
func TestOpenerInAnotherPIDNamespace(t *testing.T) {
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make a PID namespace without another user's")
	key := newKey(t)
	id := bareSet(t, key, 3, 0o600)
	kit.Must(t, sys.SemSetall(id, []uint16{0, 1, 1}))
	cmd := sysvtest.Command(methodsHelper, key.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	want := methods.All("ok", map[string]string{"Mutex.Unlock": sem.ErrNotLocked.Error()})
	if diff := cmp.Diff(want, startCallAll(t, cmd)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
