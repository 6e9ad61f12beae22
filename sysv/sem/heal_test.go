//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// shortGrace has creators count as dead soon. What sem_otime and sem_ctime tell
// has whole seconds: that needs the real grace.
func shortGrace(t testing.TB) {
	old := object.Grace
	object.Grace = shortly
	t.Cleanup(func() { object.Grace = old })
}

const shortly = 50 * time.Millisecond

// given are the values of a set that is made here: none is 0.
func given(n int) []int { return repeat(n, 3) }

// wantMadeAnew has the set of a key replaced, which is what its creator left.
func wantMadeAnew(t *testing.T, key sysv.Key, left int) {
	t.Helper()
	s, created, err := sem.OpenOrCreate(kit.Patient(t), key, given(2), &sem.Config{Mode: 0o640})
	kit.Must(t, err)
	if !created || s.ID() == left {
		t.Errorf("created %v, set %d after %d", created, s.ID(), left)
	}
	wantValues(t, s, given(2)...)
	if mode := statOf(t, s).Mode; mode != 0o640 {
		t.Errorf("mode %#o", uint32(mode))
	}
}

// wantLeftAlone checks that a set is what the key names still.
func wantLeftAlone(t *testing.T, key sysv.Key, id int) {
	t.Helper()
	if now, err := sys.Semget(int32(key), 0, 0); now != id || err != nil {
		t.Errorf("set %d, %v, want %d", now, err, id)
	}
}

// Foreign programs may have made it so, to add to it: nobody can tell. 0o777 is what
// many of them create with.
func TestForeignZerosAreTakenOnceTheyAreNotYoung(t *testing.T) {
	shortGrace(t)
	for _, mode := range []int{0o777, 0o600, 0o611} {
		t.Run(fmt.Sprintf("%#o", mode), func(t *testing.T) {
			t.Parallel() // they all wait
			key := newKey(t)
			id := bareSet(t, key, 2, mode)
			_, err := sem.Open(kit.Brief(t), key, nil)
			kit.WantError(t, err, sysv.ErrNotInitialized)
			s, err := sem.Open(kit.Patient(t), key, nil)
			kit.Must(t, err)
			opened, created, err := sem.OpenOrCreate(bg, key, []int{5, 6}, nil)
			kit.Must(t, err)
			if created || s.ID() != id || opened.ID() != id {
				t.Errorf("created %v, sets %d and %d, want %d", created, s.ID(), opened.ID(), id)
			}
			wantValues(t, s, 0, 0)
		})
	}
}

func TestForeignZerosThatAreOldAreTakenAtOnce(t *testing.T) {
	t.Parallel() // with what waits as well, for the real grace
	key := newKey(t)
	id := bareSet(t, key, 2, 0o666)
	time.Sleep(2 * time.Second)
	s, err := sem.Open(kit.Brief(t), key, nil)
	kit.Must(t, err)
	if s.ID() != id {
		t.Errorf("set %d, want %d", s.ID(), id)
	}
}

func TestASetThatSomebodyWaitsOnIsReady(t *testing.T) {
	for name, ops := range map[string][]sys.Sembuf{
		"to take":  {{Num: 2, Op: -1}},
		"for zero": {{Num: 2, Op: +1}, {Num: 2}}, // which never comes, and its +1 is undone
	} {
		for _, mode := range []int{0o666, object.Making} {
			t.Run(fmt.Sprintf("%s/%#o", name, mode), func(t *testing.T) {
				if mode == object.Making {
					emulator.Mode.Skip(t)
				}
				shortGrace(t)
				key := newKey(t)
				id := bareSet(t, key, 3, mode)
				wait := kit.Async(t, func() error { return sys.Semtimedop(id, ops, -1) })
				awaitWaiters(t, openID(t, id), 2, 1)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				s, created, err := sem.OpenOrCreate(ctx, key, given(3), nil)
				kit.Must(t, err)
				if created || s.ID() != id {
					t.Errorf("created %v, set %d, want %d", created, s.ID(), id)
				}
				wantValues(t, s, 0, 0, 0)
				kit.Must(t, s.Remove())
				kit.WantError(t, wait(), sysv.ErrRemoved)
			})
		}
	}
}

func TestOpenSaysThatTheCreatorIsDead(t *testing.T) {
	t.Parallel() // with what waits as well, for the real grace
	emulator.Mode.Skip(t)
	key := newKey(t)
	id := bareSet(t, key, 2, object.Making)
	begin := time.Now()
	_, err := sem.Open(bg, key, nil)
	kit.WantHint(t, err, sysv.ErrNotInitialized, "died", "OpenOrCreate")
	if took := time.Since(begin); took < time.Second || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	wantLeftAlone(t, key, id)
	wantMadeAnew(t, key, id)
}

// Who has no time to see whether the creator lives is told that, however his context
// tells.
func TestOpenEndsWithItsContext(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	id := bareSet(t, key, 2, object.Making)
	for _, brief := range []func(testing.TB) context.Context{kit.Brief, kit.BriefWithoutDone} {
		_, err := sem.Open(brief(t), key, nil)
		kit.WantHint(t, err, sysv.ErrNotInitialized, fmt.Sprintf("OpenID(%d) opens it as it is", id))
		kit.WantError(t, err, context.DeadlineExceeded)
	}
	wantLeftAlone(t, key, id)
}

// lookOnce opens with a context that ends as soon as the set was looked at.
func lookOnce(t *testing.T, key sysv.Key) error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer sem.AfterLook(func(int) { cancel() })()
	_, err := sem.Open(ctx, key, nil)
	return err
}

// What is watched is remembered: nobody needs as much patience in one call.
func TestShortAttemptsAddUp(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	key := newKey(t)
	bareSet(t, key, 2, object.Making)
	kit.Eventually(t, "it counts as dead", func() bool {
		err := lookOnce(t, key)
		kit.WantError(t, err, sysv.ErrNotInitialized)
		return strings.Contains(err.Error(), "died")
	})
}

// A set that has all its values is never made anew: it gets the mode of who comes
// first.
func TestOpeningFinishesWhatHasItsValues(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	publishedSet := func() (sysv.Key, int) {
		key := newKey(t)
		for {
			id := bareSet(t, key, 2, object.Making)
			kit.Must(t, sys.Semtimedop(id, []sys.Sembuf{{Op: 3}, {Num: 1, Op: 3}}, -1))
			if stat := statOf(t, openID(t, id)); stat.OTime.Equal(stat.CTime) {
				return key, id
			}
			kit.Must(t, openID(t, id).Remove()) // a second began in between
		}
	}
	key, id := publishedSet()
	s, err := sem.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	if mode := statOf(t, s).Mode; mode != 0o600 || s.ID() != id {
		t.Errorf("set %d, mode %#o", s.ID(), uint32(mode))
	}
	key, id = publishedSet()
	s, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{1, 1}, &sem.Config{Mode: 0o664})
	kit.Must(t, err)
	if mode := statOf(t, s).Mode; created || mode != 0o664 || s.ID() != id {
		t.Errorf("created %v, set %d, mode %#o", created, s.ID(), uint32(mode))
	}
	wantValues(t, s, given(2)...)
}

// Somebody may have taken its creator for dead, and be about to remove it.
func TestNobodyTakesWhatGotItsValuesTooLate(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	key := newKey(t)
	id := bareSet(t, key, 2, object.Making)
	time.Sleep(1100 * time.Millisecond)
	kit.Must(t, sys.Semtimedop(id, []sys.Sembuf{{Op: 3}, {Num: 1, Op: 3}}, -1))
	_, err := sem.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized)
	wantMadeAnew(t, key, id)
}

// Who is stopped for long after he has looked has seen a set without values a short
// time only: its creator may have finished it since.
func TestALookThatIsOldProvesNothing(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	for {
		key := newKey(t)
		id := bareSet(t, key, 2, object.Making)
		kit.WantError(t, lookOnce(t, key), sysv.ErrNotInitialized)
		looks := 0
		end := sem.AfterLook(func(int) {
			if looks++; looks == 2 { // at a set with the key, and at its state
				kit.Must(t, sys.Semtimedop(id, []sys.Sembuf{{Op: 3}, {Num: 1, Op: 3}}, -1))
				time.Sleep(2 * shortly)
			}
		})
		s, created, err := sem.OpenOrCreate(kit.Patient(t), key, given(2), nil)
		end()
		kit.Must(t, err)
		if looks < 2 {
			t.Fatalf("%d looks", looks)
		}
		if stat, err := sys.SemStat(id); err == nil && stat.OTime != stat.CTime {
			continue // a second began in between, so that it was finished too late
		}
		if created || s.ID() != id {
			t.Errorf("created %v, set %d, want %d", created, s.ID(), id)
		}
		return
	}
}

// opensOrCreates does so for a key and a number of values, with the grace shortened.
// It stops at a step.
var opensOrCreates = sysvtest.Helper("opens-or-creates", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	object.Grace = shortly
	stopAt(args[2])
	s, created, err := sem.OpenOrCreate(bg, key, given(n), nil)
	if err != nil {
		fmt.Println(outcome(err), errors.Is(err, fs.ErrPermission))
		return nil
	}
	fmt.Println(s.ID(), created)
	return nil
})

// stopAt has the process stop at a step, the first time: it goes on, or is killed
// there.
func stopAt(at string) {
	done := false
	sem.AtStep(func(name string) {
		if name == at && !done {
			done = true
			kit.StopHere()
		}
	})
}

// creationSteps are where a creation can end, with a number of values that takes it
// there.
var creationSteps = []struct {
	name string
	n    int
}{{"made", 2}, {"published", 2}, {"accepted", 2}, {"made", 501}, {"set all", 501}, {"published", 501}, {"accepted", 501}}

// Whatever a creator leaves that is killed, the next one comes to a whole set.
func TestCreatorsKilledAtEachStep(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	for _, step := range creationSteps {
		t.Run(fmt.Sprintf("%s/%d", step.name, step.n), func(t *testing.T) {
			key := newKey(t)
			p := startAt(t, step.name, key, step.n)
			p.Kill()
			s, _, err := sem.OpenOrCreate(kit.Patient(t), key, given(step.n), nil)
			kit.Must(t, err)
			wantValues(t, s, given(step.n)...)
			if mode := statOf(t, s).Mode; mode != 0o600 {
				t.Errorf("mode %#o", uint32(mode))
			}
		})
	}
}

// A creator that is stopped, and goes on when others have long taken it for dead,
// comes to the same set as they, and no more than one of them made it.
func TestCreatorsStoppedAtEachStep(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	for _, step := range creationSteps {
		t.Run(fmt.Sprintf("%s/%d", step.name, step.n), func(t *testing.T) {
			key := newKey(t)
			p := startAt(t, step.name, key, step.n)
			s, created, err := sem.OpenOrCreate(kit.Patient(t), key, given(step.n), nil)
			kit.Must(t, err)
			kit.Must(t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
			line := p.Line()
			p.Finish()
			want := fmt.Sprintf("%d false", s.ID())
			if step.name == "accepted" {
				want = fmt.Sprintf("%d true", s.ID())
			}
			if line != want || created && step.name == "accepted" {
				t.Errorf("it says %q, want %q; created here: %v", line, want, created)
			}
			wantLeftAlone(t, key, s.ID())
			wantValues(t, s, given(step.n)...)
		})
	}
}

// Who is about to remove a dead creator's set, or to finish it, and is stopped
// there, does nothing to the set that has taken its place.
func TestHealersThatComeLate(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t)
	key := newKey(t)
	left := bareSet(t, key, 2, object.Making)
	p := startAt(t, "to heal", key, 2)
	wantMadeAnew(t, key, left)
	id, err := sys.Semget(int32(key), 0, 0)
	kit.Must(t, err)
	kit.Must(t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
	p.Expect(fmt.Sprintf("%d false", id))
	p.Finish()
	wantLeftAlone(t, key, id)
}

// Who may not remove it is told so.
func TestAStrangerCantHeal(t *testing.T) {
	emulator.Mode.Skip(t)
	kit.NeedRoot(t, "can be two users")
	key := newKey(t)
	id := bareSet(t, key, 2, object.Making)
	cmd := sysvtest.Command(opensOrCreates, key.String(), "2", "none")
	p := sysvtest.StartCommand(t, kit.Ordinary(cmd))
	p.Expect(sysv.ErrNotInitialized.Error() + " true")
	p.Finish()
	wantLeftAlone(t, key, id)
}

// In a user namespace that maps neither the user nor the group nobody can set
// permissions, not even the owner: sets are made without the mark.
func TestUserNamespaceThatMapsNobody(t *testing.T) {
	emulator.Namespaces.Skip(t)
	cmd := sysvtest.Command(opensOrCreates, "0x4d2", "2", "none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWIPC}
	if err := cmd.Start(); err != nil {
		t.Skipf("skipping, allow user namespaces (sysctl user.max_user_namespaces): %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	cmd = sysvtest.Command(opensOrCreates, "0x4d2", "2", "none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWIPC}
	p := sysvtest.StartCommand(t, cmd)
	var id int
	var created bool
	if _, err := fmt.Sscan(p.Line(), &id, &created); err != nil || !created {
		t.Errorf("set %d, created %v, %v", id, created, err)
	}
	p.Finish()
}

// startAt starts a process and waits until it has stopped at the step.
func startAt(t *testing.T, step string, key sysv.Key, n int) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, opensOrCreates, key.String(), strconv.Itoa(n), step)
	kit.AwaitStopped(t, p.Process.Pid)
	return p
}
