//go:build linux && !android

package lock_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// A member is another process that has joined a group, and does there what it
// is told.
type member struct{ *sysvtest.Process }

var memberHelper = sysvtest.Helper("member", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, id, nil)
	if err != nil {
		fmt.Println(outcome(err))
		return nil
	}
	fmt.Println("joined")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(obey(g, in.Text()))
	}
	return nil
})

// obey does what the line says on a mutex, or the group, and says how it went.
func obey(g *lock.Group, line string) string {
	var verb string
	var i int
	fmt.Sscan(line, &verb, &i)
	m, rw := g.Mutex(i), g.RWMutex(i)
	switch verb {
	case "lock":
		abandoned, err := m.Lock(bg)
		return took(true, abandoned, err)
	case "trylock":
		return took(m.TryLock())
	case "use":
		return outcome(useUntilRemoved(m))
	case "pause":
		pause(g)
		return outcome(nil)
	case "rlock":
		abandoned, err := rw.RLock(bg)
		return took(true, abandoned, err)
	case "tryrlock":
		return took(rw.TryRLock())
	case "runlock":
		return outcome(rw.RUnlock())
	case "wlock":
		abandoned, err := rw.Lock(bg)
		return took(true, abandoned, err)
	case "trywlock":
		return took(rw.TryLock())
	case "wunlock":
		return outcome(rw.Unlock())
	case "downgrade":
		return outcome(rw.Downgrade())
	case "repaired":
		return outcome(m.Repaired())
	case "unlock":
		return outcome(m.Unlock())
	case "close":
		return outcome(g.Close())
	case "remove":
		return outcome(g.Remove())
	case "pids":
		st, err := g.Stat()
		return fmt.Sprint(pids(st), " ", outcome(err))
	case "exec": // says that it has joined, in the end
		return outcome(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	case "time":
		return fmt.Sprint(processorTime())
	}
	return "what?"
}

func took(ok, abandoned bool, err error) string {
	switch {
	case err != nil:
		return outcome(err)
	case !ok:
		return "busy"
	case abandoned:
		return "abandoned"
	}
	return "locked"
}

func pids(st lock.Stat) (pids []int) {
	for _, m := range st.Members {
		pids = append(pids, m.PID)
	}
	return pids
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// command is a member that has not been started.
func command(g *lock.Group) *exec.Cmd {
	return sysvtest.Command(memberHelper, strconv.Itoa(g.ID()))
}

// start returns when the other process has joined.
func start(t testing.TB, g *lock.Group) member {
	t.Helper()
	return startCommand(t, command(g))
}

func startCommand(t testing.TB, cmd *exec.Cmd) member {
	t.Helper()
	p := member{sysvtest.StartCommand(t, cmd)}
	p.Expect("joined")
	return p
}

// does checks how something that it is told goes.
func (p member) does(line, want string) {
	p.Send(line)
	p.Expect(want)
}

func (p member) pid() int { return p.Cmd.Process.Pid }

// stop returns when it is stopped.
func (p member) stop(t testing.TB) {
	t.Helper()
	kit.Must(t, p.Cmd.Process.Signal(syscall.SIGSTOP))
	kit.Eventually(t, "it is stopped", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
		kit.Must(t, err)
		_, state, _ := strings.Cut(string(text), ") ")
		return state[0] == 'T'
	})
}

func (p member) resume(t testing.TB) {
	t.Helper()
	kit.Must(t, p.Cmd.Process.Signal(syscall.SIGCONT))
}

// startHolding is a member that holds a mutex.
func startHolding(t testing.TB, g *lock.Group, i int) member {
	t.Helper()
	p := start(t, g)
	p.does(fmt.Sprint("lock ", i), "locked")
	return p
}

// guarded is what processes share under a mutex.
type guarded struct {
	stop   atomic.Uint32
	inside atomic.Uint32
	visits uint32 // under the mutex
}

func newGuarded(t testing.TB) (id int, d *guarded) {
	t.Helper()
	return newShared[guarded](t)
}

// newShared makes a segment, which is gone after the test.
func newShared[T any](t testing.TB) (id int, v *T) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	v, detach, err := viewSegment[T](seg.ID())
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, detach()) })
	return seg.ID(), v
}

func viewSegment[T any](id int) (v *T, detach func() error, err error) {
	seg, err := shm.OpenID(id)
	if err != nil {
		return nil, nil, err
	}
	mapping, err := seg.Attach(nil)
	if err != nil {
		return nil, nil, err
	}
	v, err = shm.View[T](mapping, 0)
	return v, mapping.Detach, err
}

// visit locks and unlocks, counting, and notices whether it is alone.
func (d *guarded) visit(m *lock.Mutex) error {
	abandoned, err := m.Lock(bg)
	if err != nil {
		return err
	}
	if abandoned {
		return errors.New("abandoned")
	}
	if err := d.count(); err != nil {
		return err
	}
	return m.Unlock()
}

// count counts a visit, with the mutex locked.
func (d *guarded) count() error {
	if n := d.inside.Add(1); n != 1 {
		return fmt.Errorf("%d are inside", n)
	}
	d.visits++
	d.inside.Add(^uint32(0))
	return nil
}

// visitAll has goroutines visit so many times each, or until d.stop is set.
func (d *guarded) visitAll(m *lock.Mutex, goroutines, times int) (visits uint32, err error) {
	var all atomic.Uint32
	failed := make(chan error, goroutines)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := 0; i < times && d.stop.Load() == 0; i++ {
				if err := d.visit(m); err != nil {
					failed <- err
					return
				}
				all.Add(1)
			}
		})
	}
	wg.Wait()
	close(failed)
	return all.Load(), <-failed
}

// visitsHelper visits the mutex 0 of a group.
var visitsHelper = sysvtest.Helper("visits", func(args []string) error {
	var v [4]int // group, segment, goroutines and times
	if _, err := fmt.Sscan(strings.Join(args, " "), &v[0], &v[1], &v[2], &v[3]); err != nil {
		return err
	}
	g, err := lock.OpenID(bg, v[0], nil)
	if err != nil {
		return err
	}
	d, _, err := viewSegment[guarded](v[1])
	if err != nil {
		return err
	}
	fmt.Println("joined")
	visits, err := d.visitAll(g.Mutex(0), v[2], v[3])
	if err != nil {
		return err
	}
	n, err := kit.Threads()
	fmt.Println(visits, n)
	return err
})

// A visitor is another process that visits.
type visitor struct{ *sysvtest.Process }

// startVisitor returns when it has joined and is about to visit.
func startVisitor(t testing.TB, g *lock.Group, segment, goroutines, times int) visitor {
	t.Helper()
	p := sysvtest.Start(t, visitsHelper, strconv.Itoa(g.ID()), strconv.Itoa(segment), strconv.Itoa(goroutines), strconv.Itoa(times))
	p.Expect("joined")
	return visitor{p}
}

// finish returns how often it has visited and how many threads that took.
func (p visitor) finish(t testing.TB) (visits uint32, threads int) {
	t.Helper()
	if _, err := fmt.Sscan(p.Line(), &visits, &threads); err != nil {
		t.Error(err)
	}
	p.Finish()
	return visits, threads
}
