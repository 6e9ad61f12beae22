//go:build linux && !android

package msg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but the kernel ends.
var bg = context.Background()

// patience bounds what a failure would make endless. No test passes or fails by
// how long something takes.
const patience = time.Minute

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// brief is for waits that are to end without success.
func brief(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func briefIf(t *testing.T, cond bool) context.Context {
	if cond {
		return brief(t)
	}
	return patient(t)
}

func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// newQueue returns a private queue that is gone after the test.
func newQueue(t testing.TB) *msg.Queue { return makeQueue(t, sysv.Private, nil) }

func makeQueue(t testing.TB, key sysv.Key, cfg *msg.Config) *msg.Queue {
	t.Helper()
	q, err := msg.Create(key, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
	return q
}

// newKey returns a free key, which is free again after the test.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for _, stat := range list(t) {
			if stat.Key == key {
				sys.MsgRemove(stat.ID)
			}
		}
	})
	return key
}

func openID(t *testing.T, id int) *msg.Queue {
	t.Helper()
	q, err := msg.OpenID(id)
	must(t, err)
	return q
}

func list(t *testing.T) []msg.Stat {
	t.Helper()
	stats, err := msg.List()
	must(t, err)
	return stats
}

func statOf(t *testing.T, q *msg.Queue) msg.Stat {
	t.Helper()
	stat, err := q.Stat()
	must(t, err)
	return stat
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send sends texts, of the types that they begin with: "3 hello" is "hello" of
// type 3.
func send(t *testing.T, q *msg.Queue, texts ...string) {
	t.Helper()
	for _, text := range texts {
		number, data, _ := strings.Cut(text, " ")
		typ, err := strconv.Atoi(number)
		must(t, err)
		ok, err := q.TrySend(typ, []byte(data))
		must(t, err)
		if !ok {
			t.Fatalf("no room for %q", text)
		}
	}
}

// text is what send would take for a message.
func text(m msg.Message) string {
	s := fmt.Sprintf("%d %s", m.Type, m.Data)
	if m.Truncated {
		s += "..."
	}
	return s
}

// drain takes what is left in the queue, without waiting.
func drain(t *testing.T, q *msg.Queue) (texts []string) {
	t.Helper()
	for {
		m, ok, err := q.TryNext(msg.Any)
		must(t, err)
		if !ok {
			return texts
		}
		texts = append(texts, text(m))
	}
}

// wantLeft checks what is in the queue, and takes it.
func wantLeft(t *testing.T, q *msg.Queue, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, drain(t, q)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// wantHint checks for an error of the module with these parts in its hint.
func wantHint(t *testing.T, err, want error, parts ...string) {
	t.Helper()
	wantError(t, err, want)
	e, ok := errors.AsType[*sysv.Error](err)
	if !ok {
		t.Fatalf("%v is a %T, no *sysv.Error", err, err)
	}
	for _, part := range parts {
		if !strings.Contains(e.Hint, part) {
			t.Errorf("hint %q, want %q in it", e.Hint, part)
		}
	}
}

// async calls f and returns a function that waits for its result.
func async[T any](t *testing.T, f func() T) (wait func() T) {
	done := make(chan T, 1)
	go func() { done <- f() }()
	return func() T {
		t.Helper()
		select {
		case result := <-done:
			return result
		case <-time.After(patience):
			t.Fatalf("still waiting after %v", patience)
			panic("unreachable")
		}
	}
}

// random returns a generator whose seed is in the log, and can be given.
func random(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("SYSVIPC_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	t.Logf("SYSVIPC_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// storm returns how much of something a test does: a little, or in full where
// the tests are to take their time.
func storm(short, full int) int {
	if os.Getenv("SYSVIPC_STORM") == "full" {
		return full
	}
	return short
}

const nobody = 65534

func needRoot(t *testing.T, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("skipping: only root %s: run the test as root", what)
	}
}

// withoutResource skips the test in a process whom kernel.msgmnb does not bind.
func withoutResource(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, rest, _ := bytes.Cut(status, []byte("\nCapEff:\t"))
	hex, _, _ := bytes.Cut(rest, []byte("\n"))
	effective, err := strconv.ParseUint(string(hex), 16, 64)
	must(t, err)
	if effective>>unix.CAP_SYS_RESOURCE&1 == 1 {
		t.Skip("skipping: with CAP_SYS_RESOURCE nothing is refused: run the test as an ordinary user too")
	}
}

// ordinary makes cmd a process whom the kernel refuses things.
func ordinary(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

// queueAndNumbers takes a helper's arguments: the id of the queue that it opens,
// and numbers.
func queueAndNumbers(args []string) (*msg.Queue, []int, error) {
	v := make([]int, len(args))
	for i, arg := range args {
		var err error
		if v[i], err = strconv.Atoi(arg); err != nil {
			return nil, nil, err
		}
	}
	q, err := msg.OpenID(v[0])
	return q, v[1:], err
}

// outcome names an error in a word, for comparison and for printing.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	if errors.Is(err, sysv.ErrRemoved) {
		return sysv.ErrRemoved.Error()
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func filled(n int, with byte) []byte { return bytes.Repeat([]byte{with}, n) }

// awaitBlocked waits until so many threads of this process sleep in msgsnd or
// msgrcv.
func awaitBlocked(t *testing.T, want int) {
	t.Helper()
	awaitBlockedIn(t, os.Getpid(), want)
}

func awaitBlockedIn(t *testing.T, pid, want int) {
	t.Helper()
	if text, err := os.ReadFile("/proc/self/wchan"); err != nil || len(text) == 0 {
		time.Sleep(30 * time.Millisecond) // what is tested holds either way
		return
	}
	eventually(t, fmt.Sprintf("%d threads blocked", want), func() bool {
		calls, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
		must(t, err)
		n := 0
		for _, path := range calls {
			call, _ := os.ReadFile(path) // the thread may be gone
			if bytes.HasPrefix(call, []byte("do_msg")) {
				n++
			}
		}
		return n == want
	})
}

// eventually waits for something that other threads or processes bring about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
