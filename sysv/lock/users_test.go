//go:build linux && !android

package lock_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestOwnedBy(t *testing.T) {
	key := newKey(t)
	me, other := uint32(os.Geteuid()), uint32(os.Geteuid())+1
	g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &other})
	kit.Must(t, err)
	endGroup(t, g)
	if !created {
		t.Error("a group that is made here need not be owned by anybody")
	}
	again, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &me})
	kit.Must(t, err)
	closeAfter(t, again)
	if created {
		t.Error("created again")
	}
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &other})
	kit.WantError(t, err, fs.ErrPermission, fmt.Sprintf("not by uid %d", other))
	if n := len(stat(t, g).Members); n != 2 {
		t.Errorf("%d members, want 2", n)
	}
}

// Both the segment and the set must be whose they should be.
func TestOwnedByAnotherUser(t *testing.T) {
	kit.NeedRoot(t, "can be two users")
	root := uint32(0)
	for name, give := range map[string]func(*shm.Segment, *sem.Set) error{
		"segment": func(seg *shm.Segment, _ *sem.Set) error { return seg.SetPerm(kit.Nobody, kit.Nobody, 0o600) },
		"set":     func(_ *shm.Segment, set *sem.Set) error { return set.SetPerm(kit.Nobody, kit.Nobody, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			g, err := lock.Create(bg, key, 1, nil)
			kit.Must(t, err)
			endGroup(t, g)
			seg, err := shm.OpenID(g.ID())
			kit.Must(t, err)
			kit.Must(t, give(seg, setOf(t, g)))
			_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &root})
			kit.WantError(t, err, fs.ErrPermission, "owned by uid 65534", "not by uid 0")
			wantOwner := uint32(kit.Nobody)
			_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &wantOwner})
			kit.WantError(t, err, fs.ErrPermission, "created by uid 0")
			again, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			kit.Must(t, err)
			closeAfter(t, again)
			if created {
				t.Error("created again")
			}
		})
	}
}

// Who made the set could have kept a way into it.
func TestOwnedByWhoHasGivenItAway(t *testing.T) {
	emulator.Mode.Skip(t)
	kit.NeedRoot(t, "can be two users")
	root := uint32(0)
	key := newKey(t)
	p := startCreate(t, key, 0o600)
	p.Line()
	p.Finish()
	theirs, err := shm.Open(key, nil)
	kit.Must(t, err)
	words := slices.Clone(wordsOf(t, theirs.ID()))
	kit.Must(t, theirs.Remove())
	set, err := sem.OpenID(int(words[setWord]))
	kit.Must(t, err)
	fakeWith(t, key, len(words), func(id int, w []uint32) {
		copy(w, words)
		w[segmentWord] = uint32(id)
		for i, v := range setValues(id, 0) {
			kit.Must(t, set.SetValue(i, v))
		}
	})
	kit.Must(t, set.SetPerm(root, root, 0o600))
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{OwnedBy: &root})
	kit.WantError(t, err, fs.ErrPermission, "created by uid 65534 and is owned by uid 0")
	g, err := lock.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	kit.Must(t, g.Close())
}

func TestStrangerIsBoundByTheMode(t *testing.T) {
	kit.NeedRoot(t, "can be two users")
	for _, tt := range []struct {
		mode fs.FileMode
		gid  uint32
		want string
	}{
		{0o600, 0, "EACCES"},
		{0o640, 0, "EACCES"},
		{0o606, 0, "EACCES"}, // his group is root's
		{0o660, kit.Nobody, "EACCES"},
		{0o660, 0, "joined"},
		{0o606, kit.Nobody, "joined"},
	} {
		t.Run(fmt.Sprintf("%#o gid %d", uint32(tt.mode), tt.gid), func(t *testing.T) {
			g := newGroupFor(t, 1, &lock.Config{Mode: tt.mode})
			m := g.Mutex(0)
			p := member{sysvtest.StartCommand(t, kit.As(command(g), kit.Nobody, tt.gid))}
			p.Expect(tt.want)
			if tt.want != "joined" {
				p.Finish()
				return
			}
			take(t, m)
			p.does("trylock 0", "busy")
			p.Send("lock 0")
			awaitWaiters(t, g, 0, 1)
			kit.Must(t, m.Unlock())
			p.Expect("locked")
			wantHeld(t, m)
			p.Kill()
			if !take(t, m) {
				t.Error("not abandoned")
			}
			kit.Must(t, m.Unlock())
		})
	}
}

// Whoever may not remove a group leaves it as it was.
func TestStrangerMayNotRemove(t *testing.T) {
	emulator.Mode.Skip(t)
	kit.NeedRoot(t, "can be two users")
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, &lock.Config{Mode: 0o666})
	kit.Must(t, err)
	endGroup(t, g)
	p := startCommand(t, kit.Ordinary(command(g)))
	p.does("remove", "EPERM")
	again, err := lock.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	closeAfter(t, again)
	wantFree(t, again.Mutex(0))
	p.does("lock 0", "locked")
	wantHeld(t, again.Mutex(0))
	p.does("unlock 0", "ok")
	p.Finish()
}

// The owner is bound by the mode as well.
func TestOwnerIsBoundByTheMode(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipping: root is refused nothing: run the test as another user too")
	}
	g := newGroup(t, 1)
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	kit.Must(t, seg.SetMode(0o400))
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, fs.ErrPermission, "mode 0400")
	kit.Must(t, seg.SetMode(0o600))
	set := setOf(t, g)
	kit.Must(t, set.SetMode(0o400))
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, syscall.EACCES, "mode 0400")
	kit.Must(t, set.SetMode(0o600))
	wantFree(t, join(t, g).Mutex(0))
}
