//go:build linux && !android

package lock_test

import (
	"os"
	"reflect"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"github.com/google/go-cmp/cmp"
)

// methods are all that can fail, and what becomes of them on a mutex that was
// used, after Close and after Remove.
var methods = []struct {
	name            string
	call            func(*lock.Group) error
	closed, removed string
}{
	{"Group.Stat", func(g *lock.Group) error { _, err := g.Stat(); return err }, closed, removed},
	{"Mutex.Lock", func(g *lock.Group) error { _, err := g.Mutex(0).Lock(bg); return err }, closed, removed},
	{"Mutex.Repaired", func(g *lock.Group) error { return g.Mutex(0).Repaired() }, closed, notLocked},
	{"Mutex.Unlock", func(g *lock.Group) error { return g.Mutex(0).Unlock() }, closed, notLocked},
	{"Mutex.TryLock", func(g *lock.Group) error { _, _, err := g.Mutex(0).TryLock(); return err }, closed, removed},
	{"Mutex.Lock of an unused one", func(g *lock.Group) error { _, err := g.Mutex(1).Lock(bg); return err }, closed, removed},
	{"Mutex.TryLock of an unused one", func(g *lock.Group) error { _, _, err := g.Mutex(1).TryLock(); return err }, closed, removed},
	{"Mutex.Unlock of an unused one", func(g *lock.Group) error { return g.Mutex(1).Unlock() }, closed, notLocked},
	{"Mutex.Repaired of an unused one", func(g *lock.Group) error { return g.Mutex(1).Repaired() }, closed, notLocked},
	{"Mutex.Lock out of range", func(g *lock.Group) error { _, err := g.Mutex(2).Lock(bg); return err }, closed, "EINVAL"},
	{"Mutex.TryLock out of range", func(g *lock.Group) error { _, _, err := g.Mutex(2).TryLock(); return err }, closed, "EINVAL"},
	{"Mutex.Unlock out of range", func(g *lock.Group) error { return g.Mutex(2).Unlock() }, closed, "EINVAL"},
	{"Mutex.Repaired out of range", func(g *lock.Group) error { return g.Mutex(2).Repaired() }, closed, "EINVAL"},
	{"RWMutex.RLock", func(g *lock.Group) error { _, err := g.RWMutex(0).RLock(bg); return err }, closed, removed},
	{"RWMutex.TryRLock", func(g *lock.Group) error { _, _, err := g.RWMutex(0).TryRLock(); return err }, closed, removed},
	{"RWMutex.RUnlock", func(g *lock.Group) error { return g.RWMutex(0).RUnlock() }, closed, notLocked},
	{"RWMutex.Lock", func(g *lock.Group) error { _, err := g.RWMutex(0).Lock(bg); return err }, closed, removed},
	{"RWMutex.TryLock", func(g *lock.Group) error { _, _, err := g.RWMutex(0).TryLock(); return err }, closed, removed},
	{"RWMutex.Unlock", func(g *lock.Group) error { return g.RWMutex(0).Unlock() }, closed, notLocked},
	{"RWMutex.Downgrade", func(g *lock.Group) error { return g.RWMutex(0).Downgrade() }, closed, notLocked},
	{"RWMutex.Repaired", func(g *lock.Group) error { return g.RWMutex(0).Repaired() }, closed, notLocked},
	{"RWMutex.RLock out of range", func(g *lock.Group) error { _, err := g.RWMutex(1).RLock(bg); return err }, closed, "EINVAL"},
	{"RWMutex.TryRLock out of range", func(g *lock.Group) error { _, _, err := g.RWMutex(-1).TryRLock(); return err }, closed, "EINVAL"},
	{"RWMutex.RUnlock out of range", func(g *lock.Group) error { return g.RWMutex(1).RUnlock() }, closed, "EINVAL"},
	{"RWMutex.Lock out of range", func(g *lock.Group) error { _, err := g.RWMutex(1).Lock(bg); return err }, closed, "EINVAL"},
	{"RWMutex.TryLock out of range", func(g *lock.Group) error { _, _, err := g.RWMutex(1).TryLock(); return err }, closed, "EINVAL"},
	{"RWMutex.Unlock out of range", func(g *lock.Group) error { return g.RWMutex(1).Unlock() }, closed, "EINVAL"},
	{"RWMutex.Downgrade out of range", func(g *lock.Group) error { return g.RWMutex(1).Downgrade() }, closed, "EINVAL"},
	{"RWMutex.Repaired out of range", func(g *lock.Group) error { return g.RWMutex(1).Repaired() }, closed, "EINVAL"},
	{"Group.Alive", func(g *lock.Group) error { _, err := g.Alive(g.Self()); return err }, closed, removed},
	{"Group.Check", (*lock.Group).Check, closed, removed},
	{"Group.Close", (*lock.Group).Close, "ok", "ok"},
	{"Group.Remove", (*lock.Group).Remove, "ok", removed},
}

var (
	closed    = os.ErrClosed.Error()
	removed   = sysv.ErrRemoved.Error()
	notLocked = lock.ErrNotLocked.Error()
)

func TestMethodsAreComplete(t *testing.T) {
	known := map[string]bool{"Group.ID": true, "Group.Key": true, "Group.Len": true, "Group.Mutex": true, "Group.RWMutex": true, "Group.RWMutexes": true, "Group.Env": true, "Group.Self": true, "Group.Memory": true}
	for _, m := range methods {
		known[m.name] = true
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[*lock.Group](), reflect.TypeFor[*lock.Mutex](), reflect.TypeFor[*lock.RWMutex]()} {
		for i := range typ.NumMethod() {
			if name := typ.Elem().Name() + "." + typ.Method(i).Name; !known[name] {
				t.Errorf("%s is not in the table of methods", name)
			}
		}
	}
}

func TestMethodsAfterClose(t *testing.T) {
	g := newGroupFor(t, 2, &lock.Config{RWMutexes: 1})
	id, key := g.ID(), g.Key()
	wantFree(t, g.Mutex(0))
	kit.Must(t, g.Close())
	for _, m := range methods {
		if got := outcome(m.call(g)); got != m.closed {
			t.Errorf("%s: %s, want %s", m.name, got, m.closed)
		}
	}
	if g.ID() != id || g.Key() != key || g.Len() != 2 || g.RWMutexes() != 1 {
		t.Errorf("group %d, key %v, %d mutexes, %d RWMutexes", g.ID(), g.Key(), g.Len(), g.RWMutexes())
	}
}

// What needs no system call otherwise hears of it too.
func TestMethodsAfterRemove(t *testing.T) {
	g := newGroupFor(t, 2, &lock.Config{RWMutexes: 1})
	wantFree(t, g.Mutex(0))
	kit.Must(t, rlock(t, g.RWMutex(0)))
	kit.Must(t, g.RWMutex(0).RUnlock())
	kit.Must(t, g.Remove())
	got, want := make(map[string]string), make(map[string]string)
	for _, m := range methods {
		got[m.name], want[m.name] = outcome(m.call(g)), m.removed
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
