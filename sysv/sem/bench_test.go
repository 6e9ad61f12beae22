//go:build linux && !android

package sem_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// against measures against testdata/peer/semop.c.
func against(b *testing.B, unit string, ours compare.Measure, peerArgs ...string) {
	compare.Report(b, unit, ours, "C", compare.C(b, "semop.c")(peerArgs...))
}

func BenchmarkPair(b *testing.B) {
	const n = 100_000
	s := newSet(b, 1)
	m := s.Mutex(0)
	takeUndo := sem.Op{Delta: -1, Flags: sem.Undo}
	postUndo := sem.Op{Delta: +1, Flags: sem.Undo}
	for _, bm := range []struct {
		name string
		undo string
		pair func()
	}{
		{"Mutex", "1", func() { m.Lock(bg); m.Unlock() }},
		{"Do/undo", "1", func() { s.Do(bg, takeUndo); s.Do(bg, postUndo) }},
		{"Do/plain", "0", func() { s.Do(bg, take); s.Do(bg, post) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			against(b, "ns/pair", compare.Nanoseconds(n, bm.pair), "pair", bm.undo, strconv.Itoa(n))
		})
	}
}

func BenchmarkFive(b *testing.B) {
	const n = 100_000
	s := newSet(b, 0, 0, 0)
	against(b, "ns/call", compare.Nanoseconds(n, func() {
		s.Do(bg, sem.Op{Delta: 1}, sem.Op{Num: 1, Delta: 1}, sem.Op{Delta: -1}, sem.Op{Num: 1, Delta: -1}, sem.Op{Num: 2})
	}), "five", strconv.Itoa(n))
}

// BenchmarkValues is one look at a whole set.
func BenchmarkValues(b *testing.B) {
	for _, nsems := range []int{1, 100, 32000} {
		b.Run(fmt.Sprintf("nsems=%d", nsems), func(b *testing.B) {
			s, n := newSet(b, slices.Repeat([]int{1}, nsems)...), 3_200_000/(nsems+32)
			b.Run("Values", func(b *testing.B) {
				against(b, "ns/call", compare.Nanoseconds(n, func() { s.Values() }), "getall", strconv.Itoa(nsems), strconv.Itoa(n))
			})
			b.Run("AppendValues", func(b *testing.B) {
				var values []int
				against(b, "ns/call", compare.Nanoseconds(n, func() { values, _ = s.AppendValues(values[:0]) }), "getall", strconv.Itoa(nsems), strconv.Itoa(n))
			})
		})
	}
}

// BenchmarkCreate is a set that is made, given its values and removed.
func BenchmarkCreate(b *testing.B) {
	for _, nsems := range []int{1, 100} {
		b.Run(fmt.Sprintf("nsems=%d", nsems), func(b *testing.B) {
			const n = 5000
			values := slices.Repeat([]int{1}, nsems)
			against(b, "ns/set", compare.Nanoseconds(n, func() {
				s, err := sem.Create(sysv.Private, values, nil)
				kit.Must(b, err)
				s.Remove()
			}), "create", strconv.Itoa(nsems), strconv.Itoa(n))
		})
	}
}

func BenchmarkPingPong(b *testing.B) { compare.PingPong(b, "semop.c", takeTurns) }

// takeTurns lets two processes take n turns and returns what one takes.
func takeTurns(t testing.TB, cpus int, n string) float64 {
	s := newSet(t, 0, 0)
	id := strconv.Itoa(s.ID())
	sysvtest.Start(t, pingpong, id, "1", "0", strconv.Itoa(cpus-1), n)
	ping := sysvtest.Start(t, pingpong, id, "0", "1", "0", n)
	return compare.Number(t, ping.Line())
}

// TestBenchmarks: what the benchmarks measure works at all.
func TestBenchmarks(t *testing.T) {
	if ns := takeTurns(t, 1, "50"); ns <= 0 {
		t.Errorf("a turn takes %v ns", ns)
	}
	if rate := contend(t, 2, 20*time.Millisecond); rate <= 0 {
		t.Errorf("two processes count %v a second", rate)
	}
}

// pingpong takes n turns with another process: the one that awaits semaphore 0
// begins. It prints the nanoseconds of a turn there and back.
var pingpong = sysvtest.Helper("pingpong", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	mine, other, cpu, n := v[0], v[1], v[2], v[3]
	if err := kit.StayOn(cpu); err != nil {
		return err
	}
	await, wake := sem.Op{Num: mine, Delta: -1}, sem.Op{Num: other, Delta: 1}
	if mine == 0 {
		err = s.Do(bg, wake)
	}
	begin := time.Now()
	for i := range n {
		err = errors.Join(err, s.Do(bg, await))
		if mine != 0 || i < n-1 {
			err = errors.Join(err, s.Do(bg, wake))
		}
	}
	fmt.Println(time.Since(begin).Nanoseconds() / int64(n))
	return err
})

func BenchmarkContended(b *testing.B) {
	const window = 300 * time.Millisecond
	for _, procs := range []int{2, 4, 8} {
		b.Run(fmt.Sprintf("processes=%d", procs), func(b *testing.B) {
			against(b, "counts/s", func() float64 { return contend(b, procs, window) },
				"contend", strconv.Itoa(procs), strconv.Itoa(int(window.Milliseconds())))
		})
	}
}

// shared is what the contenders count in.
type shared struct {
	counter uint64 // under the lock; the parent looks without
	stop    atomic.Uint32
}

func contend(b testing.TB, procs int, window time.Duration) float64 {
	s := newSet(b, 1, 1)
	seg, err := shm.Create(sysv.Private, 4096, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer seg.Remove()
	mem, err := seg.Attach(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer mem.Detach()
	board, err := shm.View[shared](mem, 0)
	if err != nil {
		b.Fatal(err)
	}
	for range procs {
		sysvtest.Start(b, contender, strconv.Itoa(s.ID()), strconv.Itoa(seg.ID())).Expect("ready")
	}
	s.Do(bg, sem.Op{Num: 1, Delta: -1})
	begin := time.Now()
	time.Sleep(window)
	s.Mutex(0).Lock(bg)
	counted, took := board.counter, time.Since(begin)
	board.stop.Store(1)
	s.Mutex(0).Unlock()
	return float64(counted) / took.Seconds()
}

var contender = sysvtest.Helper("contender", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	board, err := viewSegment[shared](v[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if err := s.Do(bg, sem.Op{Num: 1}); err != nil {
		return err
	}
	for m := s.Mutex(0); board.stop.Load() == 0; {
		if err := m.Lock(bg); err != nil {
			return err
		}
		board.counter++
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	return nil
})
