//go:build linux && !android

package kit

import (
	"os/exec"
	"strings"
	"sync"
	"testing"

	"example.com/sysvipc/sysv/internal/race"
)

// Turns has one goroutine for each of try take turns at a count, 500 each. A try
// gets permission to count, or returns nil; what it returns gives the permission
// back. Nothing here orders the goroutines: with -race the test fails unless the
// tries tell the race detector that they do.
func Turns(t testing.TB, try ...func() (done func())) {
	t.Helper()
	const each = 500
	count := 0
	var wg sync.WaitGroup
	for _, try := range try {
		wg.Go(func() {
			for turns := 0; turns < each; {
				if done := try(); done != nil {
					count++
					turns++
					done()
				}
			}
		})
	}
	wg.Wait()
	if want := each * len(try); count != want {
		t.Errorf("counted to %d, want %d", count, want)
	}
}

// WantOrder fails unless what one goroutine has done before act is seen by another
// after see, which returns once act has shown. Nothing here orders the two: with -race
// it fails, too, unless the race detector is told.
func WantOrder(t testing.TB, act func() error, see func()) {
	t.Helper()
	said := ""
	var wg sync.WaitGroup
	wg.Go(func() {
		said = "done"
		if err := act(); err != nil {
			t.Error(err)
		}
	})
	see()
	if said != "done" {
		t.Errorf("said %q", said)
	}
	wg.Wait()
}

// WantRace runs a command that is built as this test is, and fails unless the race
// detector finds a data race in it.
func WantRace(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if !race.Enabled {
		t.Skip("skipping: there is no race detector: run go test -race")
	}
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "WARNING: DATA RACE") {
		t.Errorf("no data race found (%v)\n%s", err, out)
	}
}
