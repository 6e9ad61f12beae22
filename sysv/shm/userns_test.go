//go:build linux && !android

package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const overflow = 65534 // what the kernel shows in the place of ids that are not mapped

// startMapped starts a helper as uid 1000 of a user namespace that maps it and,
// if not 0, the overflow id to these of the machine.
func startMapped(t *testing.T, helper, arg string, user, nobody int) *sysvtest.Process {
	t.Helper()
	return startMappedAs(t, helper, arg, user, nobody, 1000, 1000)
}

// startMappedAs is startMapped as another of the users that are mapped.
func startMappedAs(t *testing.T, helper, arg string, user, nobody int, uid, gid uint32) *sysvtest.Process {
	t.Helper()
	cmd := sysvtest.Command(helper, arg)
	kit.NeedRoot(t, "can map users")
	maps := []syscall.SysProcIDMap{{ContainerID: 1000, HostID: user, Size: 1}}
	if nobody != 0 {
		maps = append(maps, syscall.SysProcIDMap{ContainerID: overflow, HostID: nobody, Size: 1})
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: maps,
		GidMappings: maps,
		Credential:  &syscall.Credential{Uid: uid, Gid: gid, NoSetGroups: true},
	}
	return sysvtest.StartCommand(t, cmd)
}

var openAsNobodys = sysvtest.Helper("open-as-nobodys", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	_, err = shm.Open(key, &shm.OpenConfig{OwnedBy: new(uint32(overflow))})
	fmt.Println(errors.Is(err, fs.ErrPermission), err)
	return nil
})

// Whoever is not mapped is shown as the overflow id: to be asked for that user
// can't be answered.
func TestOwnedByWhoMayBeAnybody(t *testing.T) {
	emulator.Namespaces.Skip(t)
	sysvtest.Command(openAsNobodys) // which is in use where this skips, too
	kit.NeedRoot(t, "can map users")
	for _, owner := range []uint32{0, 4711} {
		seg := create(t, 10, nil)
		kit.Must(t, seg.SetPerm(owner, owner, 0o666))
		for _, nobody := range []int{0, overflow} {
			p := startMapped(t, openAsNobodys, seg.Key().String(), alice, nobody)
			p.Expect(fmt.Sprintf("true shmget segment %d: permission denied (uid 65534, as asked, also stands for whoever this user namespace does not map)", seg.ID()))
			p.Finish()
		}
	}
}

// In the initial user namespace the id is a user's and nobody else's.
func TestOwnedByNobodyWhereAllAreMapped(t *testing.T) {
	p := as(t, overflow, overflow)
	seg := createdBy(t, p, 0o600)
	_, err := shm.Open(seg.Key(), &shm.OpenConfig{OwnedBy: new(uint32(overflow))})
	kit.Must(t, err)
}

var keepOwn = sysvtest.Helper("keep-own", func([]string) error {
	seg, err := shm.Create(sysv.RandomKey(), 10, nil)
	if err != nil {
		return err
	}
	fmt.Println(seg.SetMode(0o640))
	_, err = shm.Open(seg.Key(), &shm.OpenConfig{OwnedBy: new(uint32(os.Geteuid()))})
	fmt.Println(err)
	return seg.Remove()
})

// Who is the overflow user himself, or in the overflow group, takes his objects for
// his own: else he could do nothing.
func TestTheOverflowUserKeepsHisOwn(t *testing.T) {
	emulator.Namespaces.Skip(t)
	for _, id := range []struct{ uid, gid uint32 }{{overflow, overflow}, {1000, overflow}, {overflow, 1000}} {
		p := startMappedAs(t, keepOwn, "", alice, 66534, id.uid, id.gid)
		p.Expect("<nil>")
		p.Expect("<nil>")
		p.Finish()
	}
}

var setModeInNamespace = sysvtest.Helper("set-mode-in-namespace", func([]string) error {
	seg, err := shm.Create(sysv.Private, 10, nil)
	if err != nil {
		return err
	}
	fmt.Println(seg.ID())
	var line string
	fmt.Scanln(&line)
	fmt.Println(seg.SetMode(0o640))
	return nil
})

// A creator whose segment was given to somebody whom he can't name must not take
// it away from him, nor give it to whom the overflow id is mapped to.
func TestSetModeKeepsAnOwnerWhoIsNotMapped(t *testing.T) {
	emulator.Namespaces.Skip(t)
	for _, tt := range []struct {
		nobody   int
		uid, gid uint32
		unknown  string
	}{
		{0, 4711, 4711, "uid"},
		{66534, 4711, 4711, "uid"},
		{0, alice, 4711, "gid"},
		{66534, alice, 4711, "gid"},
	} {
		p := startMapped(t, setModeInNamespace, "", alice, tt.nobody)
		id := kit.Number(t)(strconv.Atoi(p.Line()))
		seg, err := shm.OpenID(id)
		kit.Must(t, err)
		removeAtEnd(t, seg)
		kit.Must(t, seg.SetPerm(tt.uid, tt.gid, 0o600))
		p.Send("")
		p.Expect(fmt.Sprintf("shmctl segment %d: invalid argument (its owner can't be kept: %s 65534 also stands for whoever this user namespace does not map; SetPerm gives it a new one)", id, tt.unknown))
		p.Finish()
		if st := stat(t, seg); st.UID != tt.uid || st.GID != tt.gid || st.Mode != 0o600 {
			t.Errorf("it was changed: %+v", st)
		}
	}
}

var setPermInNamespace = sysvtest.Helper("set-perm-in-namespace", func([]string) error {
	seg, err := shm.Create(sysv.Private, 10, nil)
	if err != nil {
		return err
	}
	fmt.Println(seg.SetPerm(1000, 4711, 0o640))
	fmt.Println(seg.SetPerm(1000, 1000, 0o640))
	return seg.Remove()
})

func TestSetPermToWhoIsNotMapped(t *testing.T) {
	emulator.Namespaces.Skip(t)
	p := startMapped(t, setPermInNamespace, "", alice, 0)
	if got := p.Line(); !strings.Contains(got, "(uid 1000 or gid 4711 is none (1<<32 - 1), or not mapped in this user namespace)") {
		t.Errorf("SetPerm: %s", got)
	}
	p.Expect("<nil>")
	p.Finish()
}

var inSandbox = sysvtest.Helper("in-sandbox", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := kit.HideFiles(); err != nil {
		fmt.Println("no sandbox:", err)
		return nil
	}
	_, hidden := os.ReadFile("/proc/sysvipc/shm")
	fmt.Println("hidden:", errors.Is(hidden, fs.ErrPermission))
	seg, err := shm.Open(key, nil)
	fmt.Println(seg != nil, err)
	_, err = seg.Stat()
	fmt.Println(err)
	list, err := shm.List()
	fmt.Println(len(list) > 0, err)
	l, err := shm.Limits()
	fmt.Println(l.ShmMNI > 0, err)
	return nil
})

// Where /proc/sysvipc may not be read, all is as where there is none.
func TestSandboxThatHidesProc(t *testing.T) {
	emulator.StatAny.Skip(t)
	seg := create(t, 10, &shm.Config{Mode: 0o200}) // IPC_STAT is refused
	cmd := sysvtest.Command(inSandbox, seg.Key().String())
	kit.NeedRoot(t, "can be other users")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: bob, Gid: bob}}
	p := sysvtest.StartCommand(t, cmd)
	if got := p.Line(); got != "hidden: true" {
		t.Skipf("skipping, %s: run on a kernel with CONFIG_SECURITY_LANDLOCK", got)
	}
	p.Expect("true <nil>")
	p.Expect(fmt.Sprintf("shmctl segment %d: permission denied (created by uid 0, owned by uid 0, gid 0, mode 0200)", seg.ID()))
	p.Expect("true <nil>")
	p.Expect("true <nil>")
	p.Finish()
}
