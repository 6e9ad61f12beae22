//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/kit"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// forever is the context of waits that nothing but the kernel ends.
var forever = context.Background()

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
	if ago := time.Since(when); ago < -kit.Patience || ago > kit.Patience {
		t.Errorf("%s is %v, %v ago", what, when, ago)
	}
}

// signalAll sends a signal to every thread of a process.
func signalAll(t *testing.T, pid int, sig unix.Signal) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	kit.Must(t, err)
	for _, thread := range threads {
		tid, _ := strconv.Atoi(thread.Name())
		unix.Tgkill(pid, tid, sig) // the thread may be gone
	}
}

func allAtOnce(t *testing.T, calls []func() error) {
	t.Helper()
	kit.Must(t, kit.Async(t, func() error {
		errs := make([]error, len(calls))
		var wg sync.WaitGroup
		for i, call := range calls {
			wg.Go(func() { errs[i] = call() })
		}
		wg.Wait()
		return errors.Join(errs...)
	})())
}

// needQuiet is for what counts all objects.
func needQuiet(t *testing.T) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: other programs' objects would count: run the test as root with CAP_SYS_ADMIN, or allow user namespaces")
	}
}
