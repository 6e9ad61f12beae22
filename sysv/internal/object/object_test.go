//go:build linux && !android

package object_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

// What happens here happens when others create and remove at the wrong moment,
// which no test can make a kernel do at will. So the kernel is a script.

// script returns a function that gives the results in order.
func script(calls *int, results ...error) func() (string, error) {
	return func() (string, error) {
		*calls++
		return fmt.Sprintf("handle %d", *calls), results[*calls-1]
	}
}

func TestOpenOrCreate(t *testing.T) {
	exist := &sysv.Error{Op: "shmget", ID: -1, Err: sys.EEXIST}
	missing := &sysv.Error{Op: "shmget", ID: -1, Err: sys.ENOENT}
	removed := &sysv.Error{Op: "shmctl", ID: 3, Err: sysv.ErrRemoved}
	undone := &sysv.Error{Op: "semctl", ID: 4, Err: sysv.ErrRemoved}
	for _, tt := range []struct {
		name                   string
		create, open           []error
		wantHandle             string
		wantCreated            bool
		wantErr                error
		wantCreates, wantOpens int
	}{
		{"nothing there", []error{nil}, nil, "handle 1", true, nil, 1, 0},
		{"there already", []error{exist}, []error{nil}, "handle 1", false, nil, 1, 1},
		{"removed in between, then free", []error{exist, nil}, []error{missing}, "handle 2", true, nil, 2, 1},
		{"removed while being looked at", []error{exist, exist}, []error{removed, nil}, "handle 2", false, nil, 2, 2},
		{"removed while it is being made, then free", []error{undone, nil}, []error{missing}, "handle 2", true, nil, 2, 1},
		{"removed while it is being made, by who has made another", []error{undone}, []error{nil}, "handle 1", false, nil, 1, 1},
		{"no room", []error{sys.ENOSPC}, nil, "handle 1", false, sys.ENOSPC, 1, 0},
		{"not ours to open", []error{exist}, []error{sys.EACCES}, "handle 1", false, sys.EACCES, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var creates, opens int
			h, created, err := object.OpenOrCreate(script(&creates, tt.create...), script(&opens, tt.open...))
			if h != tt.wantHandle || created != tt.wantCreated || !errors.Is(err, tt.wantErr) {
				t.Errorf("got %s, %v, %v, want %s, %v, %v", h, created, err, tt.wantHandle, tt.wantCreated, tt.wantErr)
			}
			if creates != tt.wantCreates || opens != tt.wantOpens {
				t.Errorf("%d creations and %d openings tried, want %d and %d", creates, opens, tt.wantCreates, tt.wantOpens)
			}
		})
	}
}

// entry stands in for a kind's Stat.
type entry struct {
	id   int
	perm sysv.Perm
}

// kindOf is a kind whose kernel has these objects. Ids that are not among them
// were removed.
func kindOf(entries ...entry) *object.Kind[entry] {
	return &object.Kind[entry]{
		Noun: "segment", Get: "shmget", Ctl: "shmctl",
		Stat: func(id int) (entry, error) {
			for _, e := range entries {
				if e.id == id {
					return e, nil
				}
			}
			return entry{}, sys.EINVAL
		},
		Table: func() ([]entry, error) { return entries, nil },
		ID:    func(e entry) int { return e.id },
		Perm:  func(e entry) sysv.Perm { return e.perm },
	}
}

func TestOpenLooksAgainWhenRemoved(t *testing.T) {
	k := kindOf(entry{id: 2})
	ids := []int{1, 2}
	k.Lookup = func(int32) (id int, err error) {
		id, ids = ids[0], ids[1:]
		return id, nil
	}
	id, stat, err := k.Open(9, nil)
	if id != 2 || stat.id != 2 || err != nil {
		t.Errorf("Open = %d, %v, %v, want 2, which took the key after 1 was removed", id, stat, err)
	}
}

// Who may not read an object, and does not find it in the table either, as it was
// removed in between, is not told that he may not.
func TestLookAtWhatIsRemovedMeanwhile(t *testing.T) {
	k := kindOf()
	results := []error{sys.EACCES, sys.EINVAL}
	k.Stat = func(int) (entry, error) {
		err := results[0]
		results = results[min(1, len(results)-1):]
		return entry{}, err
	}
	if _, err := k.Look(1); !errors.Is(err, sysv.ErrRemoved) {
		t.Errorf("%v, want ErrRemoved", err)
	}
	results = []error{sys.EACCES}
	if _, err := k.Look(1); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want the kernel's EACCES of what is in no table", err)
	}
}

func TestOwnedByWantsOwnerAndCreator(t *testing.T) {
	for _, tt := range []struct {
		uid, cuid uint32
		want      error
	}{
		{7, 7, nil},
		{7, 8, fs.ErrPermission},
		{8, 7, fs.ErrPermission},
		{8, 8, fs.ErrPermission},
	} {
		k := kindOf(entry{1, sysv.Perm{UID: tt.uid, CUID: tt.cuid}})
		k.Lookup = func(int32) (int, error) { return 1, nil }
		if _, _, err := k.Open(9, new(uint32(7))); !errors.Is(err, tt.want) {
			t.Errorf("created by %d, owned by %d: %v, want %v", tt.cuid, tt.uid, err, tt.want)
		}
	}
}

// Only an id that is no more makes EINVAL mean that. IPC_STAT says EIDRM itself of an
// object that is removed while it looks.
func TestErrorTellsRemovedFromInvalid(t *testing.T) {
	for _, none := range []sys.Errno{sys.EINVAL, sys.EIDRM} {
		k := kindOf()
		k.Stat = func(id int) (entry, error) {
			if id == 2 {
				return entry{id: 2}, nil
			}
			return entry{}, none
		}
		for _, tt := range []struct {
			id      int
			err     error
			removed bool
		}{
			{1, sys.EINVAL, true},
			{1, sys.EIDRM, true},
			{2, sys.EINVAL, false},
			{-1, sys.EINVAL, false},
			{1, sys.ENOMEM, false},
		} {
			err := k.Error("shmctl", sysv.Private, tt.id, tt.err, nil)
			if got := errors.Is(err, sysv.ErrRemoved); got != tt.removed {
				t.Errorf("%v of id %d: %v, removed %v, want %v", tt.err, tt.id, err, got, tt.removed)
			}
		}
	}
}

func TestListWithoutProc(t *testing.T) {
	places := []error{nil, sys.EINVAL, sys.EIDRM, nil}
	k := kindOf()
	k.Table = func() ([]entry, error) { return nil, fs.ErrNotExist }
	k.MaxIndex = func() (int, error) { return len(places) - 1, nil }
	k.StatAny = func(i int) (entry, error) { return entry{id: 100 + i}, places[i] }

	got, err := k.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]entry{{id: 100}, {id: 103}}, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	places[3] = sys.ENOSYS
	if got, err := k.List(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("List = %v, %v, want the ENOSYS of a place", got, err)
	}
}

// What users meet first says where to look.
func TestHints(t *testing.T) {
	k := kindOf(entry{2, sysv.Perm{UID: 7, CUID: 8, GID: 9, Mode: 0o640}})
	set := kindOf()
	set.Noun, set.AlsoGone = "set", ""
	k.AlsoGone = ", or as nobody had it attached (kernel.shm_rmid_forced)"
	for _, tt := range []struct {
		name string
		got  error
		want string
	}{
		{"no such key", k.Error("shmget", 9, -1, sys.ENOENT, nil), "no segment has this key in this IPC namespace"},
		{"no such id", second(k.OpenID(77)), "no segment has id 77 in this IPC namespace"},
		{"no right to an object", k.Error("shmctl", 9, 2, sys.EPERM, nil), "created by uid 8, owned by uid 7, gid 9, mode 0640"},
		{"refused before there is an object", k.Error("shmget", 9, -1, sys.EPERM, nil), "a sandbox (seccomp, a security module) forbids shmget"},
		{"the same as EACCES", k.Error("shmget", 9, -1, sys.EACCES, nil), "a sandbox"},
		{"a segment that is gone", k.Error("shmat", 9, 1, sys.EIDRM, nil), "kernel.shm_rmid_forced"},
		{"a set that is gone", set.Error("semop", 9, 1, sys.EIDRM, nil), "(RemoveIPC))"},
	} {
		if tt.got == nil || !strings.Contains(tt.got.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, tt.got, tt.want)
		}
	}
}
