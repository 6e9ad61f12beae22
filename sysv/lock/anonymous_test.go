//go:build linux && !android

package lock_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// relative counts under a mutex that its parent hands on, in what that guards, then
// locks it, says so, and waits.
var relative = sysvtest.Helper("relative", func([]string) error {
	g, err := lock.FromParent(bg, &lock.OpenConfig{Format: "a number"}, "counters")
	if err != nil {
		return err
	}
	n, err := lock.View[atomic.Uint32](g, 0)
	if err != nil {
		return err
	}
	m := g.Mutex(0)
	for range 100 {
		if _, err := m.Lock(bg); err != nil {
			return err
		}
		n.Store(n.Load() + 1)
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	fmt.Println("counted")
	bufio.NewScanner(os.Stdin).Scan()
	return g.Close()
})

func newAnonymous(t testing.TB) *lock.Group {
	t.Helper()
	g, err := lock.Anonymous(bg, 1, &lock.Config{Processes: 4, Memory: 4, Format: "a number", RWMutexes: 1})
	kit.Must(t, err)
	closeAfter(t, g)
	return g
}

func startRelative(t testing.TB, g *lock.Group) *sysvtest.Process {
	cmd := sysvtest.Command(relative)
	cmd.Env = append(cmd.Environ(), g.Env("counters"), g.Env("another"))
	return sysvtest.StartCommand(t, cmd)
}

// exists tells whether there is a segment, and a set.
func exists(t testing.TB, segment, set int) (bool, bool) {
	t.Helper()
	there := func(err error) bool {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	_, err1 := shm.OpenID(segment)
	_, err2 := sem.OpenID(set)
	return there(err1), there(err2)
}

func TestAnonymousIsForAFamily(t *testing.T) {
	g := newAnonymous(t)
	set := stat(t, g).SetID
	n, err := lock.View[atomic.Uint32](g, 0)
	kit.Must(t, err)
	var children []*sysvtest.Process
	for range 3 {
		children = append(children, startRelative(t, g))
	}
	for _, p := range children {
		p.Expect("counted")
	}
	_, err = lock.OpenID(kit.Patient(t), g.ID(), &lock.OpenConfig{Format: "a number"})
	kit.WantError(t, err, syscall.ENOSPC)
	take(t, g.Mutex(0))
	if n.Load() != 300 {
		t.Errorf("counted %d, want 300", n.Load())
	}
	kit.Must(t, g.Mutex(0).Unlock())
	// It is no removed group, though its segment is marked for that.
	kit.Must(t, g.Check())
	kit.Must(t, rlock(t, g.RWMutex(0)))
	kit.Must(t, g.RWMutex(0).RUnlock())

	kit.Must(t, g.Close())
	if segment, set := exists(t, g.ID(), set); !segment || !set {
		t.Errorf("with members the segment is there: %v, the set: %v", segment, set)
	}
	for _, p := range children {
		p.Send("close")
		p.Finish()
	}
	if segment, set := exists(t, g.ID(), set); segment || set {
		t.Errorf("after the last member the segment is there: %v, the set: %v", segment, set)
	}
}

func TestRemoveOfAnonymous(t *testing.T) {
	g := newAnonymous(t)
	m := g.Mutex(0)
	wantFree(t, m)
	set := stat(t, g).SetID
	kit.Must(t, g.Remove())
	wantGoneMutex(t, m)
	kit.Must(t, g.Close())
	if segment, set := exists(t, g.ID(), set); segment || set {
		t.Errorf("the segment is there: %v, the set: %v", segment, set)
	}
}

// founder makes an anonymous group, and says which.
var founder = sysvtest.Helper("founder", func([]string) error {
	g, err := lock.Anonymous(bg, 1, nil)
	if err != nil {
		return err
	}
	st, err := g.Stat()
	if err != nil {
		return err
	}
	if _, err := g.Mutex(0).Lock(bg); err != nil {
		return err
	}
	fmt.Println(g.ID(), st.SetID)
	bufio.NewScanner(os.Stdin).Scan()
	select {}
})

// What a killed family leaves the next one removes, and nothing else.
func TestKilledFamilyLeavesASetForTheNext(t *testing.T) {
	found := func() (p *sysvtest.Process, segment, set int) {
		p = sysvtest.Start(t, founder)
		_, err := fmt.Sscan(p.Line(), &segment, &set)
		kit.Must(t, err)
		return p, segment, set
	}
	p, deadSegment, deadSet := found()
	q, liveSegment, liveSet := found()
	private := newGroup(t, 1) // which goes by nobody's death
	p.Kill()
	if segment, set := exists(t, deadSegment, deadSet); segment || !set {
		t.Errorf("after the kill the segment is there: %v, the set: %v", segment, set)
	}
	stranger, err := sem.Create(sysv.Private, make([]int, 300), nil)
	kit.Must(t, err)
	defer stranger.Remove()

	newAnonymous(t)
	if _, set := exists(t, deadSegment, deadSet); set {
		t.Error("the next one leaves the set")
	}
	if segment, set := exists(t, liveSegment, liveSet); !segment || !set {
		t.Errorf("of one that lives the segment is there: %v, the set: %v", segment, set)
	}
	wantFree(t, private.Mutex(0))
	if _, err := stranger.Values(); err != nil {
		t.Errorf("a stranger's set: %v", err)
	}
	q.Kill()
	kit.Must(t, newAnonymous(t).Close())
	if _, set := exists(t, liveSegment, liveSet); set {
		t.Error("the next one leaves the set")
	}
}

func TestAnonymousRefuses(t *testing.T) {
	_, err := lock.Anonymous(bg, -1, nil)
	kit.WantError(t, err, syscall.EINVAL)
	_, err = lock.Anonymous(kit.Ended(t), 1, nil)
	if !errors.Is(err, kit.Ended(t).Err()) {
		t.Errorf("with a context that is over: %v", err)
	}
	before := ids(t)
	failed := errors.New("init")
	_, err = lock.Anonymous(bg, 1, &lock.Config{Memory: 1, Init: func([]byte) error { return failed }})
	kit.WantError(t, err, failed)
	if after := ids(t); !slices.Equal(before, after) {
		t.Errorf("left: %v, before %v", after, before)
	}
}

func ids(t testing.TB) (ids []string) {
	segments, err := shm.List()
	kit.Must(t, err)
	for _, st := range segments {
		ids = append(ids, "segment "+strconv.Itoa(st.ID))
	}
	sets, err := sem.List()
	kit.Must(t, err)
	for _, st := range sets {
		ids = append(ids, "set "+strconv.Itoa(st.ID))
	}
	return ids
}

func TestNoParent(t *testing.T) {
	_, err := lock.FromParent(bg, nil)
	kit.WantError(t, err, fs.ErrNotExist, "SYSVIPC_GROUP is not set")
	t.Setenv("SYSVIPC_GROUP_x", "2147483647")
	_, err = lock.FromParent(bg, nil, "x")
	kit.WantError(t, err, fs.ErrNotExist)
}
