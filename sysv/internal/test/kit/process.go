//go:build linux && !android

package kit

import (
	"bytes"
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
	"time"

	"example.com/sysvipc/sysv"
	"golang.org/x/sys/unix"
)

// Nobody is a user, and a group, who owns nothing.
const Nobody = 65534

// NeedRoot skips the test where only root can do what it needs.
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("skipping: only root %s: run the test as root", what)
	}
}

// As makes cmd a process of another user and group, where root starts it.
func As(cmd *exec.Cmd, uid, gid uint32) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return cmd
}

// Ordinary makes cmd a process whom the kernel refuses things.
func Ordinary(cmd *exec.Cmd) *exec.Cmd { return As(cmd, Nobody, Nobody) }

// StopHere stops this process, which goes on from here after SIGCONT.
func StopHere() {
	// To this very thread, which else may go on for a moment.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// The states of a process that matter to tests. One that is gone has been waited for:
// before that the kernel may still be at its memory.
const (
	Running = iota
	Stopped
	Gone
)

// State is that of a process, see proc_pid_stat(5).
func State(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Gone
	}
	if _, rest, _ := strings.Cut(string(text), ") "); strings.HasPrefix(rest, "T") {
		return Stopped
	}
	return Running
}

// AwaitStopped waits until a process has stopped.
func AwaitStopped(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, "it has stopped", func() bool { return State(pid) == Stopped })
}

// NeedCommand skips the test where there is no such program.
func NeedCommand(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("skipping: %v: install util-linux or coreutils", err)
	}
}

// Run returns what another program prints.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	NeedCommand(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Numbers are a helper's arguments.
func Numbers(args []string) ([]int, error) {
	v := make([]int, len(args))
	for i, arg := range args {
		var err error
		if v[i], err = strconv.Atoi(arg); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// KeyAndMode are a helper's first two arguments.
func KeyAndMode(args []string) (sysv.Key, fs.FileMode, error) {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return 0, 0, err
	}
	mode, err := strconv.ParseUint(args[1], 8, 32)
	return key, fs.FileMode(mode), err
}

// AwaitBlocked waits until so many threads of a process sleep in msgsnd or msgrcv:
// queues, unlike sets, don't count them.
func AwaitBlocked(t testing.TB, pid, want int) {
	t.Helper()
	if text, err := os.ReadFile("/proc/self/wchan"); err != nil || len(text) == 0 {
		time.Sleep(30 * time.Millisecond) // what is tested holds either way
		return
	}
	Eventually(t, fmt.Sprintf("%d threads blocked", want), func() bool {
		places, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
		Must(t, err)
		n := 0
		for _, path := range places {
			place, _ := os.ReadFile(path) // the thread may be gone
			if bytes.HasPrefix(place, []byte("do_msg")) {
				n++
			}
		}
		return n == want
	})
}
