//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// What the machine does at best is measured beside the ring: figures of the one mean
// little where those of the other are bad, as they are while others use it.

// A bench is what two processes share for that.
type bench struct {
	there atomic.Uint32
	_     [line - 4]byte
	back  atomic.Uint32
	_     [line - 4]byte
	data  [machineBytes]byte
}

const (
	machineBytes  = 1 << 20
	machineRecord = 16 << 10 // bytes that are copied at once
)

// machine takes n turns, or copies n times, on a CPU. Who does not begin prints what one
// takes.
var machine = sysvtest.Helper("machine", func(args []string) error {
	v, err := kit.Numbers(args[3:])
	if err != nil {
		return err
	}
	if err := kit.StayOn(v[0]); err != nil {
		return err
	}
	b, err := attach[bench](args[0])
	if err != nil {
		return err
	}
	buf, sum := pattern(machineRecord)
	const slots = machineBytes / machineRecord
	begin := time.Now()
	for i := range uint32(v[1]) {
		at := b.data[i%slots*machineRecord:][:machineRecord]
		switch args[1] + " " + args[2] {
		case "turns begin":
			b.there.Store(i + 1)
			for b.back.Load() != i+1 {
			}
		case "turns answer":
			for b.there.Load() != i+1 {
			}
			b.back.Store(i + 1)
		case "copies begin":
			for i-b.back.Load() >= slots {
			}
			copy(at, buf)
			b.there.Store(i + 1)
		case "copies answer":
			for b.there.Load() == i {
			}
			if sumOf(at) != sum {
				return fmt.Errorf("copy %d is another", i)
			}
			b.back.Store(i + 1)
		}
	}
	if args[2] == "answer" {
		fmt.Println(float64(time.Since(begin)) / float64(v[1]))
	}
	return nil
})

func atBest(t testing.TB, what string, n int) float64 {
	id, _ := share[bench](t)
	start := func(how string, cpu int) *sysvtest.Process {
		return sysvtest.Start(t, machine, id, what, how, strconv.Itoa(cpu), strconv.Itoa(n))
	}
	a := start("answer", 0)
	b := start("begin", runtime.NumCPU()-1)
	ns := compare.Number(t, a.Line())
	a.Finish()
	b.Finish()
	return ns
}

// Nothing but a word to and fro, and nothing but copies.
func BenchmarkMachine(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("skipping, one CPU: run on a machine with 2")
	}
	for _, what := range []string{"turns", "copies"} {
		b.Run(what, func(b *testing.B) {
			best := 0.0
			for b.Loop() {
				if ns := atBest(b, what, 100_000); best == 0 || ns < best {
					best = ns
				}
			}
			b.ReportMetric(best, "ns/op")
			if what == "copies" {
				b.ReportMetric(machineRecord/best, "GB/s")
			}
		})
	}
}

// TestMachine: what is measured there works at all.
func TestMachine(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("skipping, one CPU: run on a machine with 2")
	}
	for _, what := range []string{"turns", "copies"} {
		if ns := atBest(t, what, 100); ns <= 0 {
			t.Errorf("%s: %v ns", what, ns)
		}
	}
}
