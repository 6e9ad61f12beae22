//go:build linux && !android

package event_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

// What an advance costs while nobody waits.
func BenchmarkAdvance(b *testing.B) {
	const n = 10_000_000
	_, board := newBoard(b)
	// No closures here: a call through one costs as much as what is measured.
	advances := func() float64 {
		begin := time.Now()
		for range n {
			board.a.Advance()
		}
		return float64(time.Since(begin)) / n
	}
	b.Run("atomic.Add", func(b *testing.B) {
		word := &board.number
		compare.Report(b, "ns/advance", advances, "add", func() float64 {
			begin := time.Now()
			for range n {
				word.Add(4)
			}
			return float64(time.Since(begin)) / n
		})
	})
	b.Run("C", func(b *testing.B) {
		compare.Report(b, "ns/advance", advances, "C", compare.C(b, "event.c")("add", strconv.Itoa(n)))
	})
	b.Run("IfAwaited", func(b *testing.B) {
		compare.Report(b, "ns/advance", func() float64 {
			begin := time.Now()
			for range n {
				board.a.AdvanceIfAwaited()
			}
			return float64(time.Since(begin)) / n
		}, "Advance", advances)
	})
}

func BenchmarkPingPong(b *testing.B) { compare.PingPong(b, "event.c", takeTurns) }

// takeTurns lets two processes take n turns and returns what one takes.
func takeTurns(t testing.TB, cpus int, n string) float64 {
	id, _ := newBoard(t)
	pong := sysvtest.Start(t, pingpong, id, "pong", strconv.Itoa(cpus-1), n)
	pong.Expect("ready")
	ping := sysvtest.Start(t, pingpong, id, "ping", "0", n)
	ping.Expect("ready")
	return compare.Number(t, ping.Line())
}

// pingpong takes n turns with another process, of which "ping" begins and prints the
// nanoseconds of a turn there and back.
var pingpong = sysvtest.Helper("pingpong", func(args []string) error {
	v, err := kit.Numbers(args[2:])
	if err != nil {
		return err
	}
	cpu, n := v[0], v[1]
	if err := kit.StayOn(cpu); err != nil {
		return err
	}
	b, err := attachID(args[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if args[1] == "pong" {
		for i := range n {
			err = errors.Join(err, untilChanged(bg, &b.a, event.Seen(i)))
			b.b.Advance()
		}
		return err
	}
	begin := time.Now()
	for i := range n {
		b.a.Advance()
		err = errors.Join(err, untilChanged(bg, &b.b, event.Seen(i)))
	}
	fmt.Println(time.Since(begin).Nanoseconds() / int64(n))
	return err
})

// How long after its cancellation a wait returns.
func BenchmarkCancel(b *testing.B) {
	_, board := newBoard(b)
	r := storm.Random(b)
	var latencies kit.Latencies
	cancel := func() {
		latencies.Cancel(b, r, func(ctx context.Context) error { return untilChanged(ctx, &board.a, board.a.Read()) })
	}
	for b.Loop() {
		cancel()
	}
	for len(latencies) < 1000 {
		cancel()
	}
	latencies.Report(b)
}

// What a wait that takes long costs, in % of a processor, beside a goroutine that
// sleeps and wakes as often.
func BenchmarkLongWait(b *testing.B) {
	_, board := newBoard(b)
	const long = time.Second
	share := func(f func()) compare.Measure {
		return func() float64 {
			before := used(b)
			f()
			return float64(used(b)-before) * 100 / float64(long)
		}
	}
	wait := func() {
		ctx, cancel := context.WithTimeout(bg, long)
		defer cancel()
		board.a.Until(ctx, func() bool { return false })
	}
	sleep := func() {
		const often = 100 * time.Millisecond
		for range long / often {
			time.Sleep(often)
		}
	}
	compare.Report(b, "%cpu", share(wait), "sleep", share(sleep))
}

// used is the processor time of this process.
func used(t testing.TB) time.Duration {
	var u syscall.Rusage
	kit.Must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestBenchmarks: what the benchmarks measure works at all.
func TestBenchmarks(t *testing.T) {
	for cpus := 1; cpus <= 2; cpus++ {
		if cpus <= runtime.NumCPU() {
			if ns := takeTurns(t, cpus, "50"); ns <= 0 {
				t.Errorf("a turn takes %v ns", ns)
			}
		}
	}
}
