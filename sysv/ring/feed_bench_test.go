//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// One process sends records of 64 bytes, each of others receives all of them, on two
// CPUs. Every byte is written and read.
var feedTraffics = []feedTraffic{
	{"lossless, 1 consumer", false, 1, 1},
	{"lossless, 2 consumers", false, 2, 1},
	{"lossless, 1 consumer, batches of 16", false, 1, 16},
	{"lossy, 1 consumer", true, 1, 1},
}

type feedTraffic struct {
	name             string
	lossy            bool
	consumers, batch int
}

// through sends n records of 64 bytes, and tells how long the slowest consumer took, how many
// were missed, how many times consumers slept, and how fast the last was at best.
func (tr feedTraffic) through(t testing.TB, n int) (took time.Duration, missed, slept int64, best float64) {
	cursors := 4
	if tr.lossy {
		cursors = 0
	}
	ids, _ := newTestFeed(t, 1<<17, cursors, tr.lossy)
	var consumers []*sysvtest.Process
	for range tr.consumers {
		p := sysvtest.Start(t, feedBenchConsumer, ids[0], strconv.Itoa(n), strconv.Itoa(tr.batch))
		p.Expect("ready")
		consumers = append(consumers, p)
	}
	p := sysvtest.Start(t, feedBenchProducer, ids[0], strconv.Itoa(n), strconv.Itoa(tr.batch))
	for _, c := range consumers {
		var d time.Duration
		var m, s int64
		_, err := fmt.Sscan(c.Line(), (*int64)(&d), &m, &s, &best)
		kit.Must(t, err)
		took, missed, slept = max(took, d), missed+m, slept+s
	}
	p.Finish()
	return took, missed, slept, best
}

func BenchmarkFeed(b *testing.B) {
	for _, tr := range feedTraffics {
		b.Run(tr.name, func(b *testing.B) {
			took, missed, slept, best := tr.through(b, b.N)
			n := float64(b.N)
			b.ReportMetric(float64(took.Nanoseconds())/n, "ns/op")
			b.ReportMetric(n/took.Seconds()/1e6, "Mrec/s")
			b.ReportMetric(best, "Mrec/s-at-best")
			b.ReportMetric(float64(slept)/n, "sleeps/op")
			if tr.lossy {
				b.ReportMetric(100*float64(missed)/n, "%missed")
			}
		})
	}
}

// What the benchmark measures works at all.
func TestFeedBenchmark(t *testing.T) {
	for _, tr := range feedTraffics {
		if took, missed, _, _ := tr.through(t, 1000); took <= 0 || missed > 0 && !tr.lossy {
			t.Errorf("%s: %v, %d missed", tr.name, took, missed)
		}
	}
}

// sleeps is how many times this process has slept.
func sleeps() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return int64(u.Nvcsw)
}

// A bestWindow is how fast some thousand records came one after the other at best, which is
// what a machine that does much else shows of what it can do.
type bestWindow struct {
	n     int
	begin time.Time
	took  time.Duration
}

const window = 1 << 14

func (b *bestWindow) next() {
	if b.n++; b.n%window != 0 {
		return
	}
	now := time.Now()
	if took := now.Sub(b.begin); !b.begin.IsZero() && (b.took == 0 || took < b.took) {
		b.took = took
	}
	b.begin = now
}

// rate is so many millions in a second, 0 if there were not so many.
func (b *bestWindow) rate() float64 {
	if b.took == 0 {
		return 0
	}
	return window / b.took.Seconds() / 1e6
}

var feedBenchConsumer = sysvtest.Helper("feed bench consumer", func(args []string) error {
	if err := kit.StayOn(0); err != nil {
		return err
	}
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	s, err := f.Subscribe(bg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var begin time.Time
	slept, missed := sleeps(), uint64(0)
	var best bestWindow
	buf := make([]byte, 0, 64)
	if v[1] > 1 {
		records := make([]FeedRecord, v[1])
		for i := uint64(0); i < uint64(v[0]); {
			n, err := s.ReceiveBatch(bg, records)
			if err != nil {
				return err
			}
			for _, r := range records[:n] {
				if sum(r.Bytes) != 8*i {
					return fmt.Errorf("record %d is another", i)
				}
				i++
				best.next()
			}
			s.DoneBatch(records[:n])
			if begin.IsZero() {
				begin = time.Now()
			}
		}
		v[0] = 0
	}
	for i := uint64(0); i < uint64(v[0]); i++ {
		data := buf
		var r FeedRecord
		if f.lossy {
			var m *MissedError
			for data, err = s.Next(bg, buf); errors.As(err, &m); data, err = s.Next(bg, buf) {
				missed += m.Records
				i += m.Records
			}
		} else if r, err = s.Receive(bg); err == nil {
			data = r.Bytes
		}
		if err != nil || sum(data) != 8*i {
			return fmt.Errorf("record %d is another, or %w", i, err)
		}
		if !f.lossy {
			r.Done()
		}
		if begin.IsZero() {
			begin = time.Now()
		}
		best.next()
	}
	fmt.Println(max(time.Since(begin).Nanoseconds(), 1), missed, sleeps()-slept, best.rate())
	return nil
})

var feedBenchProducer = sysvtest.Helper("feed bench producer", func(args []string) error {
	if err := kit.StayOn(1); err != nil {
		return err
	}
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	batch := make([][]byte, v[1])
	for i := range batch {
		batch[i] = make([]byte, 64)
	}
	for i := 0; i < v[0]; i += len(batch) {
		for k := range batch {
			fill(batch[k], uint64(i+k))
		}
		if _, err := f.SendBatch(bg, batch); err != nil {
			return err
		}
	}
	os.Stdin.Read(make([]byte, 1)) // its sending is seen to the end
	return nil
})

// Send, Receive and Done in one process.
func BenchmarkFeedAlone(b *testing.B) {
	_, f := newTestFeed(b, 1<<17, 4, false)
	s := subscribe(b, f)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Send(bg, data); err != nil {
			b.Fatal(err)
		}
		r, err := s.Receive(bg)
		if err != nil {
			b.Fatal(err)
		}
		r.Done()
	}
}
