//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
