//go:build linux && !android

package guides

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

const containers = "docs/containers.md"

func TestContainersShown(t *testing.T) { wantGo(t, containers, "containers_test.go") }

// sameIPC tells whether a process has the caller's IPC namespace.
func sameIPC(pid int) (bool, error) {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/ipc", pid))
	if err != nil {
		return false, err
	}
	ours, err := os.Readlink("/proc/self/ns/ipc")
	return ours == theirs, err
}

// A container is a process that does what it is told, a command and a number in each
// line, and answers in one.
var container = sysvtest.Helper("container", func([]string) error {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		command, arg, _ := strings.Cut(in.Text(), " ")
		answer, err := inContainer(command, arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			answer = "not there"
		case errors.Is(err, fs.ErrPermission):
			answer = "refused"
		case err != nil:
			answer = err.Error()
		}
		fmt.Println(answer)
	}
	return nil
})

func inContainer(command, arg string) (answer string, err error) {
	if command == "read" || command == "set" {
		name, value, _ := strings.Cut(arg, " ")
		if command == "set" {
			return "ok", os.WriteFile("/proc/sys/kernel/"+name, []byte(value), 0)
		}
		text, err := os.ReadFile("/proc/sys/kernel/" + name)
		return strings.Join(strings.Fields(string(text)), " "), err
	}
	number, err := strconv.Atoi(arg)
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	switch command {
	case "make":
		seg, err := shm.Create(sysv.Key(number), 4096, nil)
		if err != nil {
			return "", err
		}
		return strconv.Itoa(seg.ID()), nil
	case "find":
		seg, err := shm.Open(sysv.Key(number), nil)
		if err != nil {
			return "", err
		}
		return strconv.Itoa(seg.ID()), nil
	case "id":
		_, err := shm.OpenID(number)
		return "there", err
	case "fill": // a megabyte
		seg, err := shm.Create(sysv.Key(number), 1<<20, nil)
		if err != nil {
			return "", err
		}
		mem, err := seg.Attach(nil)
		if err != nil {
			return "", err
		}
		for i := range mem.Bytes() {
			mem.Bytes()[i] = 1
		}
		return "filled", errors.Join(mem.Detach(), seg.Remove())
	case "touch": // all of a segment
		seg, err := shm.Open(sysv.Key(number), nil)
		if err != nil {
			return "", err
		}
		mem, err := seg.Attach(nil)
		if err != nil {
			return "", err
		}
		sum := byte(0)
		for i := range mem.Bytes() {
			mem.Bytes()[i]++
			sum += mem.Bytes()[i]
		}
		return "touched", mem.Detach()
	case "who":
		seg, err := shm.OpenID(number)
		if err != nil {
			return "", err
		}
		st, err := seg.Stat()
		return fmt.Sprint("made by ", st.CPID, ", uid ", st.UID), err
	case "attach", "remove":
		seg, err := shm.OpenID(number)
		if err != nil {
			return "", err
		}
		if command == "remove" {
			return "ok", seg.Remove()
		}
		_, err = seg.Attach(nil)
		return "ok", err
	case "trust":
		_, _, err := shm.OpenOrCreate(sysv.Key(number), 1, &shm.Config{OwnedBy: new(uint32(overflowUID()))})
		return "ok", err
	case "lock":
		g, err := lock.OpenID(ctx, number, nil)
		if err != nil {
			return "", err
		}
		abandoned, err := g.Mutex(0).Lock(ctx)
		return fmt.Sprint("locked, abandoned: ", abandoned), err
	case "take":
		set, err := sem.OpenID(number)
		if err != nil {
			return "", err
		}
		return "locked", set.Mutex(0).Lock(ctx)
	}
	return "", fmt.Errorf("no such command: %s", command)
}

func overflowUID() int {
	text, _ := os.ReadFile("/proc/sys/kernel/overflowuid")
	uid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return uid
}

// inNew starts a container in new namespaces. Who is not root has them in a user
// namespace of which he is root.
func inNew(t *testing.T, flags uintptr) containerProcess {
	t.Helper()
	return containerProcess{inNewDo(t, sysvtest.Command(container), flags), t}
}

// inNewAs has somebody be root there, in a new user namespace.
func inNewAs(t *testing.T, flags uintptr, uid, gid int) containerProcess {
	t.Helper()
	return containerProcess{startIn(t, sysvtest.Command(container), flags, uid, gid), t}
}

// inNewDo is inNew for any command.
func inNewDo(t *testing.T, cmd *exec.Cmd, flags uintptr) *sysvtest.Process {
	t.Helper()
	if os.Geteuid() != 0 {
		flags |= syscall.CLONE_NEWUSER
	}
	return startIn(t, cmd, flags, os.Geteuid(), os.Getegid())
}

func startIn(t *testing.T, cmd *exec.Cmd, flags uintptr, uid, gid int) *sysvtest.Process {
	t.Helper()
	emulator.Namespaces.Skip(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
		cmd.SysProcAttr.Credential = &syscall.Credential{NoSetGroups: true}
	}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = cmd.SysProcAttr
	if err := probe.Run(); err != nil {
		t.Skipf("skipping: %v: run the test as root with CAP_SYS_ADMIN, or allow user namespaces", err)
	}
	return sysvtest.StartCommand(t, cmd)
}

type containerProcess struct {
	*sysvtest.Process
	t *testing.T
}

func (p containerProcess) ask(command string, arg any) string {
	p.t.Helper()
	p.Send(fmt.Sprint(command, " ", arg))
	return p.Line()
}

func (p containerProcess) wants(answer, command string, arg any) {
	p.t.Helper()
	want(p.t, fmt.Sprint(command, " ", arg), p.ask(command, arg), answer)
}

// segmentOutside makes a segment of the guide's key beside the container.
func segmentOutside(t *testing.T) *shm.Segment {
	t.Helper()
	seg, err := shm.Create(key, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	return seg
}

// The guide's sections, in its order.

func TestContainersSameIPC(t *testing.T) {
	needOwnNamespace(t)
	inside := inNew(t, syscall.CLONE_NEWIPC)
	inside.ask("find", int(key)) // it has begun
	for pid, want := range map[int]bool{os.Getpid(): true, os.Getppid(): false, inside.Process.Process.Pid: false} {
		if same, err := sameIPC(pid); same != want || err != nil {
			if os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
				continue // another user namespace's
			}
			t.Errorf("process %d: %v, %v, want %v", pid, same, err, want)
		}
	}
}

func TestContainersNamespaceIsEmpty(t *testing.T) {
	seg := segmentOutside(t)
	inside := inNew(t, syscall.CLONE_NEWIPC)
	inside.wants("not there", "find", int(key))
	inside.wants("not there", "id", seg.ID())
}

func TestContainersSameKeyTwice(t *testing.T) {
	a, b := inNew(t, syscall.CLONE_NEWIPC), inNew(t, syscall.CLONE_NEWIPC)
	a.ask("make", int(key))
	b.wants("not there", "find", int(key))
	b.ask("make", int(key))
	a.wants("ok", "remove", a.ask("find", int(key)))
	b.wants(b.ask("find", int(key)), "find", int(key))
	if _, err := shm.Open(key, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("outside: %v", err)
	}
}

func TestContainersNamespaceEnds(t *testing.T) {
	kit.NeedRoot(t, "may enter other processes' namespaces")
	kit.NeedCommand(t, "nsenter")
	enter := func(namespace string) containerProcess {
		exe, err := os.Executable()
		kit.Must(t, err)
		cmd := exec.Command("nsenter", "--ipc="+namespace, "--", exe)
		cmd.Env = sysvtest.Command(container).Env
		return containerProcess{sysvtest.StartCommand(t, cmd), t}
	}
	first := inNew(t, syscall.CLONE_NEWIPC)
	id := first.ask("make", int(key))
	namespace := fmt.Sprintf("/proc/%d/ns/ipc", first.Process.Process.Pid)

	// As a container that is started again in a pod.
	second := enter(namespace)
	second.wants(id, "find", int(key))
	file, err := os.Open(namespace)
	kit.Must(t, err)
	defer file.Close()
	first.Kill()
	second.wants(id, "find", int(key))

	// Nobody is there, but a file is open.
	second.Kill()
	third := enter(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()))
	third.wants(id, "find", int(key))

	// From outside.
	out := kit.Run(t, "nsenter", "-t", strconv.Itoa(third.Process.Process.Pid), "--ipc", "ipcs", "-m")
	if !strings.Contains(out, "0x000004d2") {
		t.Errorf("ipcs inside prints\n%s", out)
	}

	// And this is how often it begins anew: each one is empty.
	third.Kill()
	inNew(t, syscall.CLONE_NEWIPC).wants("not there", "find", int(key))
}

func TestContainersDevShm(t *testing.T) {
	kit.NeedRoot(t, "may mount")
	emulator.Namespaces.Skip(t)
	p := inNew(t, syscall.CLONE_NEWIPC|syscall.CLONE_NEWNS)
	small := fmt.Sprintf("/proc/%d/root/dev/shm", p.Process.Process.Pid)
	p.ask("find", int(key))
	mount := exec.Command("nsenter", "-t", strconv.Itoa(p.Process.Process.Pid), "--mount", "sh", "-c",
		"mount --make-rprivate / && mkdir -p /dev/shm && mount -t tmpfs -o size=64k none /dev/shm")
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("skipping, mounting is not allowed: %v\n%s", err, out)
	}
	if err := os.WriteFile(small+"/file", make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file of a megabyte: %v, want no room", err)
	}
	p.wants("filled", "fill", int(key))
}

func TestContainersFtok(t *testing.T) {
	var keys [2]sysv.Key
	for i, image := range [2]string{t.TempDir(), t.TempDir()} {
		path := filepath.Join(image, "app.conf")
		kit.Must(t, os.WriteFile(path, nil, 0o600))
		var err error
		keys[i], err = sysv.Ftok(path, 1)
		kit.Must(t, err)
	}
	if keys[0] == keys[1] {
		t.Errorf("the files of two images have the key %v", keys[0])
	}
}

func TestContainersLimits(t *testing.T) {
	kit.NeedRoot(t, "may set limits")
	outer := inNew(t, syscall.CLONE_NEWIPC)
	if answer := outer.ask("set", "shmmni 7"); answer != "ok" {
		t.Skipf("skipping, mount /proc to write: %s", answer)
	}
	outer.wants("ok", "set", "sem 250 32000 32 77")
	outer.wants("7", "read", "shmmni")
	outer.wants("250 32000 32 77", "read", "sem")
	ours, err := os.ReadFile("/proc/sys/kernel/shmmni")
	kit.Must(t, err)
	if got := strings.TrimSpace(string(ours)); got == "7" {
		t.Error("it is set outside, too")
	}

	// What is set here is not where a new namespace begins.
	kit.Must(t, os.WriteFile("/proc/sys/kernel/shmmni", []byte("99"), 0))
	defer os.WriteFile("/proc/sys/kernel/shmmni", ours, 0)
	inNew(t, syscall.CLONE_NEWIPC).wants("4096", "read", "shmmni")
}

func TestContainersMemory(t *testing.T) {
	const size = 8 << 20
	kit.NeedRoot(t, "may make control groups")
	emulator.Namespaces.Skip(t)
	newGroup := func(name string) string {
		name = fmt.Sprintf("sysvipc-%s-%d", name, os.Getpid())
		for _, dir := range []string{"/sys/fs/cgroup/memory/", "/sys/fs/cgroup/"} { // of either version
			group := dir + name
			if os.Mkdir(group, 0o755) != nil {
				continue
			}
			t.Cleanup(func() {
				kit.Eventually(t, "the control group is empty", func() bool { return os.Remove(group) == nil })
			})
			if _, err := os.Stat(group + "/memory.stat"); err == nil {
				return group
			}
		}
		t.Skip("skipping: mount a file system of control groups, with memory, to write")
		panic("unreachable")
	}
	shared := func(group string) (bytes int) {
		text, err := os.ReadFile(group + "/memory.stat")
		kit.Must(t, err)
		_, rest, _ := strings.Cut("\n"+string(text), "\nshmem ")
		_, err = fmt.Sscan(rest, &bytes)
		kit.Must(t, err)
		return bytes
	}
	enter := func(group string) containerProcess {
		p := containerProcess{sysvtest.Start(t, container), t}
		kit.Must(t, os.WriteFile(group+"/cgroup.procs", []byte(strconv.Itoa(p.Process.Process.Pid)), 0))
		return p
	}
	first, second := newGroup("first"), newGroup("second")
	removed := false
	seg, err := shm.Create(key, size, nil)
	kit.Must(t, err)
	defer func() {
		if !removed {
			seg.Remove()
		}
	}()
	mem, err := seg.Attach(nil) // which costs nothing
	kit.Must(t, err)
	defer mem.Detach()

	filler, reader := enter(first), enter(second)
	filler.wants("touched", "touch", int(key))
	reader.wants("touched", "touch", int(key))
	counted := func(where string, group string, want bool) {
		t.Helper()
		// The kernel adds it up now and then.
		kit.Eventually(t, where, func() bool { return (shared(group) >= size) == want })
	}
	counted("it is the filler's", first, true)
	counted("it is not the reader's", second, false)
	filler.Kill()
	counted("it is the filler's still", first, true)
	kit.Must(t, seg.Remove())
	removed = true
	kit.Must(t, mem.Detach())
	counted("it is nobody's", first, false)
	reader.Kill()
}

func TestContainersPIDNamespaces(t *testing.T) {
	kit.NeedRoot(t, "may make a PID namespace without another user's")
	seg := segmentOutside(t)
	g, err := lock.Create(t.Context(), sysv.Private, 1, nil)
	kit.Must(t, err)
	defer func() { kit.Must(t, errors.Join(g.Mutex(0).Unlock(), g.Remove(), g.Close())) }()
	set, err := sem.Create(sysv.Private, []int{1}, nil)
	kit.Must(t, err)
	defer func() { kit.Must(t, set.Remove()) }()

	p := inNew(t, syscall.CLONE_NEWPID)
	p.wants("made by 0, uid 0", "who", seg.ID())
	p.wants("locked, abandoned: false", "lock", g.ID())
	p.wants("locked", "take", set.ID())
	if last, err := set.LastPID(0); last != p.Process.Process.Pid || err != nil {
		t.Errorf("LastPID is %d, %v, want %d, which is 1 there", last, err, p.Process.Process.Pid)
	}
	p.Kill()
	kit.Must(t, set.Mutex(0).Lock(kit.Patient(t)))
	if abandoned, err := g.Mutex(0).Lock(kit.Patient(t)); !abandoned || err != nil {
		t.Errorf("the lock: abandoned %v, %v", abandoned, err)
	}
}

func TestContainersUserNamespaces(t *testing.T) {
	kit.NeedRoot(t, "may have somebody else be root of a user namespace")
	seg := segmentOutside(t)
	p := inNewAs(t, syscall.CLONE_NEWUSER, kit.Nobody, kit.Nobody)
	p.wants("refused", "attach", seg.ID())
	p.wants("refused", "remove", seg.ID())
	kit.Must(t, seg.SetMode(0o644))
	p.wants(fmt.Sprintf("made by %d, uid %d", os.Getpid(), overflowUID()), "who", seg.ID())
	p.wants("refused", "attach", seg.ID()) // to write

	own := inNewAs(t, syscall.CLONE_NEWUSER|syscall.CLONE_NEWIPC, kit.Nobody, kit.Nobody)
	id := own.ask("make", int(key))
	own.wants("ok", "attach", id)
	own.wants("ok", "remove", id)
}

func TestContainersOverflowUID(t *testing.T) {
	kit.NeedRoot(t, "may have somebody else be root of a user namespace")
	segmentOutside(t)
	p := inNewAs(t, syscall.CLONE_NEWUSER, kit.Nobody, kit.Nobody)
	p.wants("refused", "trust", int(key))
}

var filtered = sysvtest.Helper("filtered", func(args []string) error {
	runtime.LockOSThread()
	errno, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := kit.Refuse(unix.SYS_SHMGET, 0, uint32(key), syscall.Errno(errno)); err != nil {
		return err
	}
	_, err = shm.Open(key, nil)
	fmt.Println(err)
	return nil
})

func TestContainersSeccomp(t *testing.T) {
	emulator.Filters.Skip(t)
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
		p := sysvtest.Start(t, filtered, strconv.Itoa(int(errno)))
		if said := p.Line(); !strings.Contains(said, errno.Error()) || !strings.Contains(said, "sandbox") {
			t.Errorf("%v: it says %q", errno, said)
		}
		p.Finish()
	}
}
