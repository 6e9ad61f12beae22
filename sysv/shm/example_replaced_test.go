//go:build linux && !android

package shm_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync/atomic"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/shm"
)

// rates are what a segment has that may be replaced by a larger one, or by one of
// another program version, while others read it.
type rates struct {
	Changed event.Count
	Version atomic.Uint32
	Percent atomic.Uint32
}

var ratesKey = sysv.KeyOf("rates.example.com")

// makeRates makes the segment with its first values.
func makeRates(ctx context.Context, version, percent uint32) (r *rates, mem *shm.Mapping) {
	mem, _, err := shm.OpenOrInit(ctx, ratesKey, 4096, nil, func(m *shm.Mapping) error {
		r, err := shm.View[rates](m, 0)
		if err == nil {
			r.Version.Store(version)
			r.Percent.Store(percent)
		}
		return err
	})
	return must(shm.View[rates](must(mem, err), 0)), mem
}

// replaceRates takes the key away from a segment, which those keep who have it
// attached, makes another, and only then wakes those who wait at the old one.
func replaceRates(ctx context.Context, old *rates, mem *shm.Mapping, version, percent uint32) (*rates, *shm.Mapping) {
	must(0, mem.Segment().Remove())
	r, newer := makeRates(ctx, version, percent)
	old.Changed.Advance()
	must(0, mem.Detach())
	return r, newer
}

// A reader follows the rates, from one segment to the next.
type reader struct {
	*rates
	mem *shm.Mapping
}

// next waits until there are other rates than those of a version.
func (r *reader) next(ctx context.Context, last uint32) (version uint32, err error) {
	for {
		seen := r.Changed.Read() // before we look, so that no change is missed
		if version = r.Version.Load(); version != last {
			return version, nil
		}
		moved, err := r.follow(ctx)
		if err == nil && !moved {
			// Returns once in a while without a change, so that a segment which
			// somebody removed by ipcrm is noticed, too.
			err = r.Changed.Await(ctx, seen)
		}
		if err != nil {
			return 0, err
		}
	}
}

// follow goes over to the segment that has taken the place of the reader's.
func (r *reader) follow(ctx context.Context) (moved bool, err error) {
	stat, err := r.mem.Segment().Stat()
	if err != nil || !stat.Dest {
		return false, err
	}
	mem, err := shm.OpenFilled(ctx, ratesKey, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // not yet: whoever makes it wakes us
	}
	if err != nil {
		return false, err
	}
	old := r.mem
	r.rates, r.mem = must(shm.View[rates](mem, 0)), mem
	return true, old.Detach()
}

// The reader is this program again.
func init() {
	if os.Getenv("READS_RATES") != "" {
		ctx := context.Background()
		mem := must(shm.OpenFilled(ctx, ratesKey, nil))
		r := reader{must(shm.View[rates](mem, 0)), mem}
		for version := uint32(0); version < 3; {
			version = must(r.next(ctx, version))
			fmt.Printf("version %d: %d %%\n", version, r.Percent.Load())
		}
		os.Exit(0)
	}
}

// A reader notices that the segment which it has attached was replaced, and goes over
// to the new one.
func Example_replaced() {
	ctx := context.Background()
	r, mem := makeRates(ctx, 1, 4)

	other := exec.Command(must(os.Executable()))
	other.Env = append(os.Environ(), "READS_RATES=1")
	other.Stderr = os.Stderr
	says := bufio.NewScanner(must(other.StdoutPipe()))
	must(0, other.Start())
	hear := func() { says.Scan(); fmt.Println(says.Text()) }

	hear()
	r.Percent.Store(5)
	r.Version.Store(2)
	r.Changed.Advance()
	hear()
	_, mem = replaceRates(ctx, r, mem, 3, 6)
	hear()
	must(0, other.Wait())
	must(0, mem.Segment().Remove())
	must(0, mem.Detach())
	// Output:
	// version 1: 4 %
	// version 2: 5 %
	// version 3: 6 %
}
