//go:build linux && !android

package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// Users that exist nowhere else, so that no right comes to them by accident.
const (
	alice   = 65533
	bob     = 65532
	friends = 65531 // a group
)

// as starts a peer as another user.
func as(t *testing.T, uid, gid uint32) peerProcess {
	t.Helper()
	kit.NeedRoot(t, "can be other users")
	return startPeer(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}})
}

// createdBy has a peer create a segment, which is removed when the test ends.
func createdBy(t *testing.T, p peerProcess, mode fs.FileMode) *shm.Segment {
	t.Helper()
	key := sysv.RandomKey()
	p.ok("create %d 10", int32(key))
	seg, err := shm.Open(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	removeAtEnd(t, seg)
	p.ok("set-mode %#o", mode)
	return seg
}

// What a stranger may do follows from the permissions for others, and what only
// the owner may do from nothing else.
func TestStranger(t *testing.T) {
	emulator.Mode.Skip(t)
	for mode, allowed := range map[fs.FileMode]string{
		0o600: "",
		0o660: "",
		0o604: "attach-read-only stat",
		0o644: "attach-read-only stat",
		0o666: "attach attach-read-only stat",
		0o602: "",
	} {
		t.Run(fmt.Sprintf("%#o", mode), func(t *testing.T) {
			seg := createdBy(t, as(t, alice, alice), mode)
			p := as(t, bob, bob)
			p.ok("open %d", int32(seg.Key())) // which needs no permission
			owner := fmt.Sprintf("owned by uid 65533, gid 65533, mode %#o", mode)
			for _, verb := range []string{
				"attach", "attach-read-only", "stat",
				"lock", "unlock", "remove", "set-mode 0666", "set-perm 65532 65532 0666",
			} {
				if !slices.Contains(strings.Fields(allowed), verb) {
					p.refused(fs.ErrPermission, verb, owner)
					continue
				}
				p.ok("%s", verb)
				switch verb {
				case "attach":
					p.ok("write 0 x")
					p.ok("detach")
				case "attach-read-only":
					p.ok("read 0 1")
					p.refused(fs.ErrPermission, "write 0 x")
					p.ok("detach")
				}
			}
			if got := stat(t, seg); got.Mode != mode || got.UID != alice || got.CUID != alice || got.Dest || got.Locked {
				t.Errorf("the stranger changed it: %+v", got)
			}
		})
	}
}

// The first class that fits decides: an owner without permission is not helped
// by what others may.
func TestOwnerClassDecides(t *testing.T) {
	emulator.Mode.Skip(t)
	for mode, allowed := range map[fs.FileMode]string{
		0o600: "owner",
		0o060: "member",
		0o006: "other",
		0o066: "member other",
		0o606: "owner other",
		0:     "",
	} {
		t.Run(fmt.Sprintf("%#o", mode), func(t *testing.T) {
			owner := as(t, alice, friends)
			seg := createdBy(t, owner, mode)
			for class, p := range map[string]peerProcess{
				"owner": owner, "member": as(t, bob, friends), "other": as(t, bob, bob),
			} {
				p.ok("open-id %d", seg.ID())
				if slices.Contains(strings.Fields(allowed), class) {
					p.ok("attach")
					p.ok("detach")
					continue
				}
				p.refused(fs.ErrPermission, "attach")
				p.refused(fs.ErrPermission, "attach-read-only")
			}
		})
	}
}

func TestOwnerGetsModeZeroBack(t *testing.T) {
	emulator.Mode.Skip(t)
	owner := as(t, alice, alice)
	seg := createdBy(t, owner, 0)
	owner.refused(fs.ErrPermission, "stat", "mode 0")
	owner.refused(fs.ErrPermission, "attach", "mode 0")
	owner.ok("open %d", int32(seg.Key()))
	owner.ok("set-mode 0600")
	owner.ok("stat")
	owner.ok("attach")
}

// Creator and owner both count as the owner, whoever of them is asking.
func TestGivenAway(t *testing.T) {
	emulator.Mode.Skip(t)
	creator, owner, other := as(t, alice, alice), as(t, bob, bob), as(t, bob+10, bob+10)
	seg := createdBy(t, creator, 0o600)
	for _, p := range []peerProcess{owner, other} {
		p.ok("open-id %d", seg.ID())
		p.refused(fs.ErrPermission, "attach")
	}
	creator.ok("set-perm %d %d 0600", bob, friends)
	if st := stat(t, seg); st.UID != bob || st.GID != friends || st.CUID != alice || st.CGID != alice {
		t.Errorf("given away it is %+v", st.Perm)
	}
	other.refused(fs.ErrPermission, "attach", "created by uid 65533, owned by uid 65532")
	for _, p := range []peerProcess{owner, creator} {
		p.ok("attach")
		p.ok("detach")
		p.ok("set-mode 0600") // keeps the owner, who may be another
	}
	if st := stat(t, seg); st.UID != bob || st.GID != friends {
		t.Errorf("SetMode made it %+v", st.Perm)
	}
	owner.ok("remove")
	creator.refused(sysv.ErrRemoved, "stat")
}

// A segment that somebody put under a key, or gave away to be trusted, is not
// the one that OwnedBy asks for.
func TestOwnedByRefusesForeignSegments(t *testing.T) {
	squatter := as(t, alice, alice)
	seg := createdBy(t, squatter, 0o666)
	owner := func(uid uint32) *shm.OpenConfig { return &shm.OpenConfig{OwnedBy: &uid} }
	check := func(by *shm.OpenConfig, want error, parts ...string) {
		t.Helper()
		_, err := shm.Open(seg.Key(), by)
		kit.WantError(t, err, want, parts...)
		_, _, err = shm.OpenOrCreate(seg.Key(), 10, &shm.Config{OwnedBy: by.OwnedBy})
		kit.WantError(t, err, want, parts...)
	}
	check(owner(alice), nil)
	check(owner(0), fs.ErrPermission, "created by uid 65533", "not by uid 0")
	squatter.ok("set-perm 0 0 0666")
	check(owner(0), fs.ErrPermission, "created by uid 65533 and owned by uid 0")
	check(owner(alice), fs.ErrPermission)
}

// However often a stranger puts a segment under the key, and takes it away,
// none of his is taken for one's own.
func TestOwnedByAgainstARacingStranger(t *testing.T) {
	squatter := as(t, alice, alice)
	createdBy(t, squatter, 0o666) // for its verbs to act on where create fails
	key, me := sysv.RandomKey(), uint32(0)
	const rounds = 300
	for range rounds {
		squatter.Send(fmt.Sprintf("create %d 10", int32(key)))
		squatter.Send("set-mode 0666")
		squatter.Send("remove")
	}
	var created, refused int
	for range rounds {
		seg, isNew, err := shm.OpenOrCreate(key, 10, &shm.Config{OwnedBy: &me})
		switch {
		case errors.Is(err, fs.ErrPermission):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			created++
			if st := stat(t, seg); !isNew || st.UID != me || st.CUID != me {
				t.Fatalf("created %v: %+v", isNew, st.Perm)
			}
			if err := seg.Remove(); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // whether the squatter was first or too late
			squatter.Line()
		}
	}
	t.Logf("%d created, %d refused", created, refused)
}

func TestListShowsEverybodysSegments(t *testing.T) {
	seg := create(t, 12345, &shm.Config{Mode: 0o600})
	p := as(t, alice, alice)
	p.ok("open-id %d", seg.ID())
	p.refused(fs.ErrPermission, "stat")
	want, _ := listed(t, seg.ID())
	for _, got := range asked[[]shm.Stat](p, "list") {
		if got.ID != seg.ID() {
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-as root +as alice)\n%s", diff)
		}
		return
	}
	t.Errorf("segment %d is not in alice's list", seg.ID())
}

// In a bare chroot List and Limits ask the kernel itself, for everybody.
func TestWithoutProc(t *testing.T) {
	emulator.StatAny.Skip(t)
	p := as(t, 0, 0)
	create(t, 12345, nil)
	attach(t, create(t, 1, &shm.Config{Mode: 0o444}), nil)
	wantList, wantLimits := asked[[]shm.Stat](p, "list"), asked[shm.SystemLimits](p, "limits")
	p.ok("chroot %s", t.TempDir())
	// What only the table has, and what it lacks.
	apart := cmpopts.IgnoreFields(shm.Stat{}, "Perm.Seq", "RSS", "Swap")
	byID := cmpopts.SortSlices(func(a, b shm.Stat) bool { return a.ID < b.ID })
	if diff := cmp.Diff(wantList, asked[[]shm.Stat](p, "list"), apart, byID); diff != "" {
		t.Errorf("List (-with +without)\n%s", diff)
	}
	gotLimits := asked[shm.SystemLimits](p, "limits")
	if strconv.IntSize < 64 {
		// A 32-bit process is told 32 bits, of a 64-bit kernel only 31 of shmmax.
		wantLimits.ShmAll = uint64(uint32(wantLimits.ShmAll))
		wantLimits.ShmMax = gotLimits.ShmMax
	}
	if diff := cmp.Diff(wantLimits, gotLimits); diff != "" {
		t.Errorf("Limits (-with +without)\n%s", diff)
	}
}

func TestHugePagesNeedARight(t *testing.T) {
	meminfo(t, "Hugepagesize")
	lockPool(t)
	p := as(t, alice, alice)
	p.refused(fs.ErrPermission, "create-huge 1", "CAP_IPC_LOCK", "vm.hugetlb_shm_group")
}

// An ordinary user may lock within his limit, and is told of it beyond.
func TestLockPagesWithinRlimit(t *testing.T) {
	emulator.Mode.Skip(t)
	p := as(t, alice, alice)
	seg := createdBy(t, p, 0o600)
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < 1<<16 || limit.Cur > 1<<30 {
		t.Skipf("skipping, set ulimit -l to something between 64 and 1048576: it is %d bytes", limit.Cur)
	}
	p.ok("lock")
	if !stat(t, seg).Locked {
		t.Error("not locked")
	}
	p.ok("unlock")
	big := sysv.RandomKey()
	p.ok("create %d %d", int32(big), limit.Cur+1)
	defer p.ok("remove")
	p.refused(syscall.ENOMEM, "lock", "RLIMIT_MEMLOCK")
}
