//go:build linux && !android

package lock_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
)

// wantAllOfARWMutex checks that another process and this one see of each other what
// there is to see, and that the other's death is as any.
func wantAllOfARWMutex(t *testing.T, g *lock.Group, start func() member) {
	t.Helper()
	m := g.RWMutex(0)
	p := start()
	kit.Must(t, rlock(t, m))
	p.does("tryrlock 0", "locked")
	p.does("trywlock 0", "busy")
	p.does("runlock 0", "ok")
	p.Send("wlock 0")
	awaitWriter(t, g)
	wantReadable(t, m, false)
	kit.Must(t, m.RUnlock())
	p.Expect("locked")
	wantReadable(t, m, false)
	read := asyncRW(t, m.RLock, m.RUnlock)
	p.does("downgrade 0", "ok")
	kit.Must(t, read())
	wantWritable(t, m, false)
	p.does("runlock 0", "ok")

	lockRW(t, m)
	p.Send("rlock 0")
	kit.Must(t, m.Unlock())
	p.Expect("locked")
	written := asyncRW(t, m.Lock, m.Unlock)
	awaitWriter(t, g)
	p.Kill() // as a reader
	kit.Must(t, written())

	p = start()
	p.does("wlock 0", "locked")
	p.Kill()
	abandoned, err := m.RLock(kit.Patient(t))
	kit.Must(t, err)
	if !abandoned {
		t.Error("the reader that comes after a dead writer does not hear of it")
	}
	kit.Must(t, m.RUnlock())
	p = start()
	p.does("wlock 0", "abandoned")
	p.does("wunlock 0", "ok")
	p.Finish()
}

func TestRWMutexBetweenTwoProcesses(t *testing.T) {
	g := newRWGroup(t)
	wantAllOfARWMutex(t, g, func() member { return start(t, g) })
}

func TestRWMutexOfAnotherUser(t *testing.T) {
	kit.NeedRoot(t, "can be two users")
	g := newGroupFor(t, 0, &lock.Config{RWMutexes: 1, Processes: 4, Mode: fs.FileMode(0o666)})
	wantAllOfARWMutex(t, g, func() member { return startCommand(t, kit.As(command(g), kit.Nobody, kit.Nobody)) })
}

func TestRWMutexInAnotherPIDNamespace(t *testing.T) {
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make a PID namespace without another user's")
	g := newRWGroup(t)
	wantAllOfARWMutex(t, g, func() member {
		cmd := command(g)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		return startCommand(t, cmd)
	})
}

// A program of 32 bits is the other: with SYSVIPC_STORM, for it takes a while to build.
func TestRWMutexOfA32BitProgram(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("skipping: it is for a kernel that runs programs of both widths: run on amd64")
	}
	if storm.Size(true, false) {
		t.Skip("skipping, to build a program takes long: SYSVIPC_STORM=tenth")
	}
	by := []string{build(t, "386")}
	if err := exec.Command(by[0], "-test.list", "^$").Run(); errors.Is(err, syscall.ENOEXEC) {
		qemu, err := exec.LookPath("qemu-arm-static")
		if err != nil {
			t.Skip("skipping, this kernel runs no 32-bit programs: apt-get install qemu-user-static")
		}
		by = []string{qemu, build(t, "arm")}
	}
	g := newRWGroup(t)
	wantAllOfARWMutex(t, g, func() member {
		cmd := command(g)
		cmd.Path, cmd.Args = by[0], append(by, cmd.Args[1:]...)
		return startCommand(t, cmd)
	})
}

// build makes this test for another architecture.
func build(t *testing.T, arch string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "lock.test")
	cmd := exec.Command("go", "test", "-c", "-o", program, ".")
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "GOARM=7", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return program
}
