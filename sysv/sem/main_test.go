//go:build linux && !android

package sem_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but the kernel ends.
var bg = context.Background()

// newSet returns a private set that is gone after the test.
func newSet(t testing.TB, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(sysv.Private, values, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
	return s
}

// newKey returns a free key, which is free again after the test.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for _, stat := range list(t) {
			if stat.Key == key {
				sys.Semctl(stat.ID, 0, sys.IPC_RMID)
			}
		}
	})
	return key
}

// bareSet makes a set as a creator leaves it that dies before it gives values.
func bareSet(t *testing.T, key sysv.Key, n, mode int) int {
	t.Helper()
	id, err := sys.Semget(int32(key), n, mode|sys.IPC_CREAT|sys.IPC_EXCL)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func openID(t *testing.T, id int) *sem.Set {
	t.Helper()
	s, err := sem.OpenID(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func list(t testing.TB) []sem.Stat {
	t.Helper()
	stats, err := sem.List()
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func wantValues(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	got, err := s.Values()
	kit.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// awaitWaiters waits until so many callers are blocked on the semaphore, in
// either way of waiting.
func awaitWaiters(t *testing.T, s *sem.Set, num, want int) {
	t.Helper()
	kit.Eventually(t, fmt.Sprintf("%d waiters", want), func() bool {
		return kit.Number(t)(s.Waiters(num))+kit.Number(t)(s.ZeroWaiters(num)) == want
	})
}

// inNamespaces runs the test once more as a process of its own in new
// namespaces (CLONE_NEWIPC ...), as root of the new user namespace if there is
// to be one, and returns whether this is that run. The outer run fails if it
// fails, and skips if any of it skips.
func inNamespaces(t *testing.T, flags uintptr) bool {
	t.Helper()
	const inside = "SYSVIPC_INSIDE"
	if os.Getenv(inside) != "" {
		return true
	}
	emulator.Namespaces.Skip(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1", "SYSVTEST_INNER=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		t.Skipf("skipping, run as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone): %v", err)
	}
	switch text := string(out); {
	case err != nil:
		t.Errorf("in its namespaces: %v\n%s", err, text)
	case strings.Contains(text, "--- SKIP: "):
		t.Skipf("in its namespaces:\n%s", text)
	case !strings.Contains(text, "\n--- PASS: "+t.Name()):
		t.Errorf("did not run in its namespaces:\n%s", text)
	default:
		t.Logf("in its namespaces:\n%s", text)
	}
	return false
}

// alice is a user that exists nowhere else.
const alice = 65533

// owns makes a set of the values 0, 1, 1 with a key and a mode, and gives it to
// the users whose numbers it reads.
var owns = sysvtest.Helper("owns", func(args []string) error {
	key, mode, err := kit.KeyAndMode(args)
	if err != nil {
		return err
	}
	s, err := sem.Create(key, []int{0, 1, 1}, &sem.Config{Mode: mode})
	fmt.Println(outcome(err))
	for in := bufio.NewScanner(os.Stdin); err == nil && in.Scan(); {
		var uid uint32
		if _, err = fmt.Sscan(in.Text(), &uid); err == nil {
			fmt.Println(outcome(s.SetPerm(uid, uid, mode)))
		}
	}
	return err
})

// aliceOwns has alice make a set.
func aliceOwns(t *testing.T, key sysv.Key, mode fs.FileMode) *sysvtest.Process {
	t.Helper()
	cmd := sysvtest.Command(owns, key.String(), fmt.Sprintf("%o", uint32(mode)))
	kit.NeedRoot(t, "can be two other users")
	p := sysvtest.StartCommand(t, kit.As(cmd, alice, alice))
	p.Expect("ok")
	return p
}

// setAndNumbers takes a helper's arguments: the id of the set that it opens,
// and numbers.
func setAndNumbers(args []string) (*sem.Set, []int, error) {
	v, err := kit.Numbers(args)
	if err != nil {
		return nil, nil, err
	}
	s, err := sem.OpenID(v[0])
	return s, v[1:], err
}

// viewSegment attaches a segment, which the process's end detaches.
func viewSegment[T any](id int) (*T, error) {
	seg, err := shm.OpenID(id)
	if err != nil {
		return nil, err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	return shm.View[T](mem, 0)
}

// do performs one Do for each list of operations, prints how each went, and
// stays until its input ends.
var do = sysvtest.Helper("do", func(args []string) error {
	s, _, err := setAndNumbers(args[:1])
	if err != nil {
		return err
	}
	for _, arg := range args[1:] {
		var ops []sem.Op
		if err := json.Unmarshal([]byte(arg), &ops); err != nil {
			return err
		}
		fmt.Println(outcome(s.Do(bg, ops...)))
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

// startDo starts a do helper.
func startDo(t *testing.T, s *sem.Set, dos ...[]sem.Op) *sysvtest.Process {
	t.Helper()
	args := []string{strconv.Itoa(s.ID())}
	for _, ops := range dos {
		text, err := json.Marshal(ops)
		kit.Must(t, err)
		args = append(args, string(text))
	}
	return sysvtest.Start(t, do, args...)
}

// outcome names an error in a word, for comparison and for printing.
func outcome(err error) string {
	return kit.Outcome(err, sysv.ErrRemoved, sysv.ErrWouldBlock, sysv.ErrNotInitialized, sem.ErrNotLocked,
		context.Canceled, context.DeadlineExceeded)
}

func repeat(n, v int) []int { return slices.Repeat([]int{v}, n) }
