//go:build linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const pairs = 1_000_000

// What a Lock and an Unlock cost while nobody else wants the mutex.
func BenchmarkPair(b *testing.B) {
	ctx := context.Background()
	m := benchGroup(b).Mutex(0)
	ours := compare.Nanoseconds(pairs, func() { m.Lock(ctx); m.Unlock() })
	b.Run("sync.Mutex", func(b *testing.B) {
		var m sync.Mutex
		//lint:ignore SA2001 the two calls are what is measured
		theirs := compare.Nanoseconds(pairs, func() { m.Lock(); m.Unlock() })
		compare.Report(b, "ns/pair", ours, "sync", theirs)
	})
	b.Run("pthread", func(b *testing.B) {
		compare.Report(b, "ns/pair", ours, "C", compare.C(b, "pthread.c")("pair", strconv.Itoa(pairs)))
	})
	b.Run("semop", func(b *testing.B) {
		compare.Report(b, "ns/pair", ours, "C", compare.C(b, "semop.c")("pair", "1", strconv.Itoa(pairs/10)))
	})
}

func BenchmarkAllocations(b *testing.B) {
	ctx := context.Background()
	m := benchGroup(b).Mutex(0)
	b.ReportAllocs()
	for b.Loop() {
		m.Lock(ctx)
		m.Unlock()
	}
}

// How many times a second processes add to a counter under the mutex.
func BenchmarkContended(b *testing.B) {
	const window = 300 * time.Millisecond
	for _, procs := range []int{2, 4, 8} {
		b.Run(fmt.Sprintf("processes=%d", procs), func(b *testing.B) {
			compare.Report(b, "counts/s", func() float64 { return contend(b, procs, window) },
				"C", compare.C(b, "pthread.c")("contend", strconv.Itoa(procs), strconv.Itoa(int(window.Milliseconds()))))
		})
	}
}

// TestBenchmarks: what the benchmarks measure works at all.
func TestBenchmarks(t *testing.T) {
	if rate := contend(t, 2, 20*time.Millisecond); rate <= 0 {
		t.Errorf("two processes count %v a second", rate)
	}
	for _, wait := range besideAHog(t, 3) {
		if wait <= 0 {
			t.Errorf("beside a hog somebody waited for %v", wait)
		}
	}
}

func benchGroup(b testing.TB) *lock.Group {
	g, err := lock.Create(bg, sysv.Private, 1, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(g.Close(), g.Remove()); err != nil {
			b.Error(err)
		}
	})
	return g
}

// contest is what the contenders share.
type contest struct {
	counter uint64 // under the mutex; the parent looks without
	_       [120]byte
	start   atomic.Uint32
	stop    atomic.Uint32
}

func contend(b testing.TB, procs int, window time.Duration) float64 {
	g := benchGroup(b)
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
	c, err := shm.View[contest](mem, 0)
	if err != nil {
		b.Fatal(err)
	}
	var all []*sysvtest.Process
	for range procs {
		p := sysvtest.Start(b, contender, strconv.Itoa(g.ID()), strconv.Itoa(seg.ID()))
		p.Expect("ready")
		all = append(all, p)
	}
	begin := time.Now()
	c.start.Store(1)
	time.Sleep(window)
	counted, took := atomic.LoadUint64(&c.counter), time.Since(begin)
	c.stop.Store(1)
	for _, p := range all {
		p.Finish()
	}
	return float64(counted) / took.Seconds()
}

var contender = sysvtest.Helper("contender", func(args []string) error {
	ctx := context.Background()
	id, _ := strconv.Atoi(args[0])
	segment, _ := strconv.Atoi(args[1])
	g, err := lock.OpenID(ctx, id, nil)
	if err != nil {
		return err
	}
	seg, err := shm.OpenID(segment)
	if err != nil {
		return err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	c, err := shm.View[contest](mem, 0)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for c.start.Load() == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	for m := g.Mutex(0); c.stop.Load() == 0; {
		if _, err := m.Lock(ctx); err != nil {
			return err
		}
		c.counter++
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	return nil
})
