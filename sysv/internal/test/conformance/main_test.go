//go:build linux && !android

package conformance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"example.com/sysvipc/sysv/sysvtest"
)

// A row is a behaviour that the public packages must let through. Its test is
// named by its id.
type row struct {
	id, promise string
	test        func(t *testing.T)
}

// An exception is a row that no test here can show, and why.
type exception struct{ id, promise, why string }

// tally counts what became of the rows.
var tally struct {
	sync.Mutex
	shown, failed int
	skipped       []string
}

var maxSkip = flag.Int("max-skip", -1, "fail if more rows than this are skipped; -1 for any number")

func TestMain(m *testing.M) {
	os.Exit(sysvtest.Wrap(counted{m}).Run())
}

// counted prints the counts after the tests.
type counted struct{ m *testing.M }

func (c counted) Run() int {
	code := c.m.Run()
	tally.Lock()
	defer tally.Unlock()
	if tally.shown+tally.failed+len(tally.skipped) == 0 {
		return code // a run of something else
	}
	for _, kind := range exceptions {
		fmt.Printf("%d rows apart: %s\n", len(kind.rows), kind.name)
		for _, e := range kind.rows {
			fmt.Printf("    %s %s: %s\n", e.id, e.promise, e.why)
		}
	}
	slices.Sort(tally.skipped)
	fmt.Printf("conformance: %d rows shown, %d failed, %d skipped %v", tally.shown, tally.failed, len(tally.skipped), tally.skipped)
	for _, kind := range exceptions {
		fmt.Printf(", %d %s", len(kind.rows), kind.name)
	}
	fmt.Println()
	if code == 0 && *maxSkip >= 0 && len(tally.skipped) > *maxSkip {
		fmt.Printf("more than %d rows were skipped\n", *maxSkip)
		return 1
	}
	return code
}

// The rows that are counted apart, by what keeps them from being shown here.
var exceptions = []struct {
	name string
	rows []exception
}{
	{"impossible by the design of the API", slices.Concat(shmByDesign, semByDesign, msgByDesign)},
	{"need a real fork", slices.Concat(shmFork, semFork, msgFork)},
	{"belong to other architectures", slices.Concat(shmArch, semArch, msgArch)},
}

func TestShm(t *testing.T) { run(t, shmRows) }
func TestSem(t *testing.T) { run(t, semRows) }
func TestMsg(t *testing.T) { run(t, msgRows) }

func run(t *testing.T, rows []row) {
	for _, r := range rows {
		t.Run(r.id, func(t *testing.T) {
			t.Cleanup(func() {
				tally.Lock()
				defer tally.Unlock()
				switch {
				case t.Failed():
					t.Logf("%s: %s", r.id, r.promise)
					tally.failed++
				case t.Skipped():
					tally.skipped = append(tally.skipped, r.id)
				default:
					tally.shown++
				}
			})
			r.test(t)
		})
	}
}

func TestEveryRowHasOnePlace(t *testing.T) {
	seen := make(map[string]bool)
	place := func(id string) {
		if seen[id] {
			t.Errorf("%s stands twice", id)
		}
		seen[id] = true
	}
	for _, r := range slices.Concat(shmRows, semRows, msgRows) {
		place(r.id)
	}
	for _, kind := range exceptions {
		for _, e := range kind.rows {
			place(e.id)
		}
	}
}
