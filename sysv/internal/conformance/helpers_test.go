//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// forever is the context of waits that nothing but the kernel ends.
var forever = context.Background()

// patience bounds what a failure would make endless.
const patience = time.Minute

const nobody = 65534

// contexts are those that a wait treats differently, none of which ends.
func contexts(t *testing.T) map[string]context.Context {
	never, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	late, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return map[string]context.Context{
		"without end":           forever,
		"that can be cancelled": never,
		"with a deadline":       late,
	}
}

// brief is for waits that are to end without success.
func brief(t *testing.T) (ctx context.Context, deadline time.Time) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	deadline, _ = ctx.Deadline()
	return ctx, deadline
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantSame[T any](t *testing.T, what string, got, want T, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// ignoreSeq is for comparing with lists, which don't have it.
var ignoreSeq = cmpopts.IgnoreFields(sysv.Perm{}, "Seq")

func wantNow(t *testing.T, what string, when time.Time) {
	t.Helper()
	if ago := time.Since(when); ago < -patience || ago > patience {
		t.Errorf("%s is %v, %v ago", what, when, ago)
	}
}

// eventually waits for what other threads or processes bring about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// async calls f and returns a function that waits for its error.
func async(t *testing.T, f func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return func() error {
		t.Helper()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			t.Fatalf("still waiting after %v", patience)
			return nil
		}
	}
}

// number checks the error of a method that returns a number.
func number(t *testing.T) func(int, error) int {
	return func(v int, err error) int {
		t.Helper()
		must(t, err)
		return v
	}
}

// random returns a generator whose seed is in the log, and can be given.
func random(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("SYSVIPC_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	t.Logf("SYSVIPC_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// signalAll sends a signal to every thread of a process.
func signalAll(t *testing.T, pid int, sig unix.Signal) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	must(t, err)
	for _, thread := range threads {
		tid, _ := strconv.Atoi(thread.Name())
		unix.Tgkill(pid, tid, sig) // the thread may be gone
	}
}

func allAtOnce(t *testing.T, calls []func() error) {
	t.Helper()
	must(t, async(t, func() error {
		errs := make([]error, len(calls))
		var wg sync.WaitGroup
		for i, call := range calls {
			wg.Go(func() { errs[i] = call() })
		}
		wg.Wait()
		return errors.Join(errs...)
	})())
}

func needRoot(t *testing.T, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("skipping: only root %s: run the test as root", what)
	}
}

// needQuiet is for what counts all objects.
func needQuiet(t *testing.T) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: other programs' objects would count: run the test as root with CAP_SYS_ADMIN, or allow user namespaces")
	}
}

func needCommand(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("skipping: %v: install util-linux", err)
	}
}
