//go:build linux && !android

package sem_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// The benchmarks take turns with testdata/peer/semop.c, round by round, so that
// a machine that is busy for a while slows down both. They report the medians,
// and the ratio of the two.

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
			compare(b, "ns/pair", func() float64 { return nanoseconds(n, bm.pair) }, "pair", bm.undo, strconv.Itoa(n))
		})
	}
}

func BenchmarkFive(b *testing.B) {
	const n = 100_000
	s := newSet(b, 0, 0, 0)
	compare(b, "ns/call", func() float64 {
		return nanoseconds(n, func() {
			s.Do(bg, sem.Op{Delta: 1}, sem.Op{Num: 1, Delta: 1}, sem.Op{Delta: -1}, sem.Op{Num: 1, Delta: -1}, sem.Op{Num: 2})
		})
	}, "five", strconv.Itoa(n))
}

func BenchmarkPingPong(b *testing.B) {
	for _, cpus := range []int{1, 2} {
		b.Run(fmt.Sprintf("cpus=%d", cpus), func(b *testing.B) {
			if runtime.NumCPU() < cpus {
				b.Skipf("skipping, one CPU: run on a machine with %d", cpus)
			}
			n := strconv.Itoa(20_000 / (cpus * cpus * cpus))
			compare(b, "ns/turn", func() float64 { return takeTurns(b, cpus, n) }, "pingpong", strconv.Itoa(cpus), n)
		})
	}
}

// takeTurns lets two processes take n turns and returns what one takes.
func takeTurns(t testing.TB, cpus int, n string) float64 {
	s := newSet(t, 0, 0)
	id := strconv.Itoa(s.ID())
	sysvtest.Start(t, pingpong, id, "1", "0", strconv.Itoa(cpus-1), n)
	ping := sysvtest.Start(t, pingpong, id, "0", "1", "0", n)
	return number(t, ping.Line())
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
	if err := stayOn(cpu); err != nil {
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

// stayOn starts the program again on one CPU alone, so that Go's runtime knows
// that there is only one.
func stayOn(cpu int) error {
	const done = "SYSVIPC_PINNED"
	if os.Getenv(done) != "" {
		return nil
	}
	runtime.LockOSThread()
	var cpus unix.CPUSet
	cpus.Set(cpu)
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), done+"=1"))
}

func BenchmarkContended(b *testing.B) {
	const window = 300 * time.Millisecond
	for _, procs := range []int{2, 4, 8} {
		b.Run(fmt.Sprintf("processes=%d", procs), func(b *testing.B) {
			compare(b, "counts/s", func() float64 { return contend(b, procs, window) },
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

// compare reports what ours and the C peer measure in turns, in unit, and the
// ratio of ours to C's.
func compare(b *testing.B, unit string, ours func() float64, peerArgs ...string) {
	peer := compilePeer(b)
	var us, c []float64
	round := func() {
		us = append(us, ours())
		out, err := exec.Command(peer, peerArgs...).Output()
		if err != nil {
			b.Fatalf("%s %v: %v", peer, peerArgs, err)
		}
		c = append(c, number(b, strings.TrimSpace(string(out))))
	}
	for b.Loop() {
		round()
	}
	for len(us) < 9 { // a median of fewer says little
		round()
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(us), unit)
	b.ReportMetric(median(c), "C-"+unit)
	b.ReportMetric(median(us)/median(c), "ratio")
}

func compilePeer(b *testing.B) string {
	cc, err := exec.LookPath("cc")
	if err != nil {
		b.Skip("skipping, no C compiler to make the peer: apt-get install gcc libc6-dev")
	}
	peer := filepath.Join(b.TempDir(), "semop")
	if out, err := exec.Command(cc, "-O2", "-o", peer, "../../testdata/peer/semop.c").CombinedOutput(); err != nil {
		b.Fatalf("cc: %v\n%s", err, out)
	}
	return peer
}

// nanoseconds returns what one call of f takes, of n.
func nanoseconds(n int, f func()) float64 {
	begin := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func number(b testing.TB, s string) float64 {
	b.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		b.Fatal(err)
	}
	return f
}
