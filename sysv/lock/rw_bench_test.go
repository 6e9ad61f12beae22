//go:build linux && !android

package lock_test

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

// What RLock and RUnlock cost while nobody else wants the lock.
func BenchmarkReadPair(b *testing.B) {
	m := newRWGroup(b).RWMutex(0)
	ours := compare.Nanoseconds(pairs, func() { m.RLock(bg); m.RUnlock() })
	b.Run("sync.RWMutex", func(b *testing.B) {
		var m sync.RWMutex
		//lint:ignore SA2001 the two calls are what is measured
		theirs := compare.Nanoseconds(pairs, func() { m.RLock(); m.RUnlock() })
		compare.Report(b, "ns/pair", ours, "sync", theirs)
	})
	b.Run("pthread", func(b *testing.B) {
		compare.Report(b, "ns/pair", ours, "C", compare.C(b, "rwlock.c")("pair", strconv.Itoa(pairs)))
	})
}

// What Lock and Unlock of a RWMutex cost while nobody else wants the lock.
func BenchmarkWritePair(b *testing.B) {
	m := newRWGroup(b).RWMutex(0)
	ours := compare.Nanoseconds(pairs, func() { m.Lock(bg); m.Unlock() })
	var theirs sync.RWMutex
	//lint:ignore SA2001 the two calls are what is measured
	compare.Report(b, "ns/pair", ours, "sync", compare.Nanoseconds(pairs, func() { theirs.Lock(); theirs.Unlock() }))
}

const rwWindow = 300 * time.Millisecond

// How many times a second processes lock and unlock, that read alone or write now
// and then.
func BenchmarkSharedByProcesses(b *testing.B) {
	for _, tt := range []struct{ procs, writes int }{{1, 0}, {2, 0}, {4, 0}, {2, 5}, {4, 5}} {
		b.Run(fmt.Sprintf("processes=%d/writes=%d%%", tt.procs, tt.writes), func(b *testing.B) {
			theirs := compare.C(b, "rwlock.c")("share", strconv.Itoa(tt.procs), strconv.Itoa(int(rwWindow.Milliseconds())), strconv.Itoa(tt.writes))
			compare.Report(b, "locks/s", func() float64 { return shareRW(b, tt.procs, tt.writes, rwWindow) }, "C", theirs)
		})
	}
}

// What several processes that only read reach in sum, beside one of them alone.
func BenchmarkReadersInSum(b *testing.B) {
	for _, procs := range []int{2, 4} {
		b.Run(fmt.Sprintf("processes=%d", procs), func(b *testing.B) {
			compare.Report(b, "locks/s", func() float64 { return shareRW(b, procs, 0, rwWindow) },
				"alone", func() float64 { return shareRW(b, 1, 0, rwWindow) })
		})
	}
}

// How long a writer waits beside processes that read without a pause.
func BenchmarkWriterBesideReaders(b *testing.B) {
	for _, procs := range []int{runtime.NumCPU(), 4} {
		b.Run(fmt.Sprintf("readers=%d", procs), func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				all = append(all, writeBesideReaders(b, procs, 200)...)
			}
			slices.Sort(all)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(all[len(all)-1].Microseconds()), "max-µs")
		})
	}
}

// TestRWBenchmarks: what these measure works at all.
func TestRWBenchmarks(t *testing.T) {
	for _, writes := range []int{0, 5} {
		if rate := shareRW(t, 2, writes, 20*time.Millisecond); rate <= 0 {
			t.Errorf("two processes lock %v times a second", rate)
		}
	}
	if waits := writeBesideReaders(t, 2, 5); len(waits) != 5 {
		t.Errorf("%d waits", len(waits))
	}
}

// sharing is what those who share a RWMutex share beside it.
type sharing struct {
	value   atomic.Uint32
	_       [31]uint32
	start   atomic.Uint32
	stop    atomic.Uint32
	_       [30]uint32
	counted [8]struct {
		n atomic.Uint32
		_ [31]uint32
	}
}

var sharers = sysvtest.Helper("sharer", func(args []string) error {
	n, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, n[0], nil)
	if err != nil {
		return err
	}
	s, _, err := viewSegment[sharing](n[1])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for s.start.Load() == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	return s.takePart(g.RWMutex(0), n[2], uint32(n[3]))
})

// takePart locks and unlocks, writes times of 100 for writing.
func (s *sharing) takePart(m *lock.RWMutex, seat int, writes uint32) error {
	for n := uint32(0); s.stop.Load() == 0; n++ {
		if n%100 < writes {
			if _, err := m.Lock(bg); err != nil {
				return err
			}
			s.value.Store(s.value.Load() + 1)
			if err := m.Unlock(); err != nil {
				return err
			}
		} else {
			if _, err := m.RLock(bg); err != nil {
				return err
			}
			s.value.Load()
			if err := m.RUnlock(); err != nil {
				return err
			}
		}
		s.counted[seat].n.Store(n)
	}
	return nil
}

// startSharers starts processes that share a RWMutex from when start is set.
func startSharers(t testing.TB, procs, writes int) (m *lock.RWMutex, s *sharing, finish func()) {
	g := newRWGroup(t)
	id, s := newShared[sharing](t)
	var all []*sysvtest.Process
	for seat := range procs {
		p := sysvtest.Start(t, sharers, strconv.Itoa(g.ID()), strconv.Itoa(id), strconv.Itoa(seat), strconv.Itoa(writes))
		p.Expect("ready")
		all = append(all, p)
	}
	return g.RWMutex(0), s, func() {
		s.stop.Store(1)
		for _, p := range all {
			p.Finish()
		}
	}
}

func (s *sharing) total() (n float64) {
	for i := range s.counted {
		n += float64(s.counted[i].n.Load())
	}
	return n
}

func shareRW(t testing.TB, procs, writes int, window time.Duration) float64 {
	_, s, finish := startSharers(t, procs, writes)
	begin := time.Now()
	s.start.Store(1)
	time.Sleep(window)
	counted, took := s.total(), time.Since(begin)
	finish()
	return counted / took.Seconds()
}

// writeBesideReaders writes so often beside processes that read, with pauses in
// which these read, and returns how long each Lock took.
func writeBesideReaders(t testing.TB, procs, times int) (waits []time.Duration) {
	m, s, finish := startSharers(t, procs, 0)
	s.start.Store(1)
	kit.Eventually(t, "all read", func() bool {
		for i := range procs {
			if s.counted[i].n.Load() == 0 {
				return false
			}
		}
		return true
	})
	for range times {
		begin := time.Now()
		_, err := m.Lock(bg)
		waits = append(waits, time.Since(begin))
		kit.Must(t, err)
		kit.Must(t, m.Unlock())
		time.Sleep(time.Millisecond)
	}
	finish()
	return waits
}
