//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// What is measured writes every byte of a record and reads every byte: a pattern, of
// which the first word is the record's number.

func pattern(size int) (data []byte, sum uint64) {
	data = make([]byte, size)
	for i := range words(data) {
		words(data)[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	return data, sumOf(data)
}

func words(b []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}

func sumOf(b []byte) uint64 {
	var s0, s1, s2, s3 uint64
	w := words(b)
	for ; len(w) >= 4; w = w[4:] {
		s0 += w[0]
		s1 += w[1]
		s2 += w[2]
		s3 += w[3]
	}
	for _, v := range w {
		s0 += v
	}
	return s0 + s1 + s2 + s3
}

// A traffic is how records go.
type traffic struct {
	size, batch int
	inPlace     bool
	units       int // of the ring
}

func (tr traffic) String() string {
	switch {
	case tr.batch > 1:
		return fmt.Sprintf("%d_by_%d", tr.size, tr.batch)
	case tr.inPlace:
		return fmt.Sprintf("%d_in_place", tr.size)
	}
	return fmt.Sprint(tr.size)
}

// send sends records from first on, the step apart, until something fails.
func (tr traffic) send(q *Queue, number, step uint64) error {
	data, _ := pattern(tr.size)
	if tr.inPlace {
		for ; ; number += step {
			r, err := q.Reserve(bg, tr.size)
			if err != nil {
				return err
			}
			copy(r.Bytes, data)
			words(r.Bytes)[0] = number
			if err := r.Commit(); err != nil {
				return err
			}
		}
	}
	if tr.batch == 1 {
		for ; ; number += step {
			words(data)[0] = number
			if err := q.Send(bg, data); err != nil {
				return err
			}
		}
	}
	records := make([][]byte, tr.batch)
	for i := range records {
		records[i], _ = pattern(tr.size)
	}
	for {
		for i := range records {
			words(records[i])[0] = number
			number += step
		}
		if _, err := q.SendBatch(bg, records); err != nil {
			return err
		}
	}
}

// helperArgs are what the helpers below need: how records go, a slot, a CPU, and numbers.
func (tr traffic) args(ids []string, slot, cpu int, numbers ...int) []string {
	inPlace := 0
	if tr.inPlace {
		inPlace = 1
	}
	args := []string{ids[0], ids[1]}
	for _, v := range append([]int{slot, cpu, tr.size, tr.batch, inPlace, tr.units}, numbers...) {
		args = append(args, strconv.Itoa(v))
	}
	return args
}

// take is what helpers do first.
func takeArgs(args []string) (tr traffic, q *Queue, numbers []int, err error) {
	v, err := kit.Numbers(args[3:])
	if err != nil {
		return tr, nil, nil, err
	}
	if err := kit.StayOn(v[0]); err != nil {
		return tr, nil, nil, err
	}
	q, err = joinByIDs(args[:3])
	return traffic{size: v[1], batch: v[2], inPlace: v[3] == 1, units: v[4]}, q, v[5:], err
}

var sender = sysvtest.Helper("sender", func(args []string) error {
	tr, q, v, err := takeArgs(args)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return tr.send(q, uint64(v[0]), uint64(v[1]))
})

// A receiver prints how many nanoseconds a record takes, of n.
var receiver = sysvtest.Helper("receiver", func(args []string) error {
	tr, q, v, err := takeArgs(args)
	if err != nil {
		return err
	}
	_, sum := pattern(tr.size) // in which the first word is 0
	if v[1] != 0 {
		fmt.Println("ready")
		begin := time.Now()
		if err := tr.receiveAny(q, sum, v[0]); err != nil {
			return err
		}
		fmt.Println(float64(time.Since(begin)) / float64(v[0]))
		return nil
	}
	warm := 2 * tr.units * unit / tr.size // so that all pages are there
	if err := tr.receive(q, sum, 0, warm); err != nil {
		return err
	}
	begin := time.Now()
	if err := tr.receive(q, sum, uint64(warm), v[0]); err != nil {
		return err
	}
	fmt.Println(float64(time.Since(begin)) / float64(v[0]))
	return nil
})

// perRecord is how many nanoseconds one of n records takes between two processes.
func (tr traffic) perRecord(t testing.TB, n int) float64 {
	ids, _ := newQueue(t, tr.units)
	p := sysvtest.Start(t, sender, tr.args(ids, 1, runtime.NumCPU()-1, 0, 1)...)
	p.Expect("ready")
	r := sysvtest.Start(t, receiver, tr.args(ids, 2, 0, n, 0)...)
	ns := compare.Number(t, r.Line())
	r.Finish()
	p.Process.Kill()
	return ns
}

// systemCalls is how many there are in both processes while n records go.
func (tr traffic) systemCalls(t testing.TB, n int) int {
	ids, _ := newQueue(t, tr.units)
	r := sysvtest.Start(t, receiver, tr.args(ids, 2, 0, n, 1)...)
	r.Expect("ready")
	received := kit.SystemCalls(t, r.Process.Pid)
	p := sysvtest.Start(t, sender, tr.args(ids, 1, runtime.NumCPU()-1, 0, 1)...)
	p.Expect("ready")
	sent := kit.SystemCalls(t, p.Process.Pid)
	r.Line()
	calls := sent() + received()
	r.Finish()
	p.Process.Kill()
	return int(calls)
}

// receive receives n records, of one sender, and checks each.
func (tr traffic) receive(q *Queue, sum, next uint64, n int) error {
	if tr.batch == 1 {
		for range n {
			r, err := q.Receive(bg)
			if err != nil {
				return err
			}
			if sumOf(r.Bytes) != sum+next {
				return fmt.Errorf("record %d is another", next)
			}
			r.Done()
			next++
		}
		return nil
	}
	records := make([]Record, tr.batch)
	for n > 0 {
		k, err := q.ReceiveBatch(bg, records[:min(n, len(records))])
		if err != nil {
			return err
		}
		for i := range records[:k] {
			if sumOf(records[i].Bytes) != sum+next {
				return fmt.Errorf("record %d is another", next)
			}
			next++
		}
		if err := q.DoneBatch(records[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// receiveAny receives n records, of several senders.
func (tr traffic) receiveAny(q *Queue, sum uint64, n int) error {
	for range n {
		r, err := q.Receive(bg)
		if err != nil {
			return err
		}
		if sumOf(r.Bytes) != sum+words(r.Bytes)[0] {
			return fmt.Errorf("record %d is another", words(r.Bytes)[0])
		}
		r.Done()
	}
	return nil
}

// crowded is how many nanoseconds one of n records takes from two to two.
func (tr traffic) crowded(t testing.TB, n int) float64 {
	ids, _ := newQueue(t, tr.units)
	last := runtime.NumCPU() - 1
	var senders, receivers []*sysvtest.Process
	for i := range 2 {
		p := sysvtest.Start(t, sender, tr.args(ids, 1+i, last, i, 2)...)
		p.Expect("ready")
		senders = append(senders, p)
	}
	for i := range 2 {
		receivers = append(receivers, sysvtest.Start(t, receiver, tr.args(ids, 3+i, 0, n/2, 1)...))
	}
	slowest := 0.0
	for _, r := range receivers {
		r.Expect("ready")
	}
	for _, r := range receivers {
		slowest = max(slowest, compare.Number(t, r.Line()))
		r.Finish()
	}
	for _, p := range senders {
		p.Process.Kill()
	}
	return slowest / 2
}

// ponger sends back what it gets, by another queue.
var ponger = sysvtest.Helper("ponger", func(args []string) error {
	tr, q, _, err := takeArgs(args[2:])
	if err != nil {
		return err
	}
	back, err := joinByIDs([]string{args[0], args[1], "1"})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return tr.turns(q, back, nil, math.MaxInt)
})

// pinger prints how many nanoseconds one of n takes there and back.
var pinger = sysvtest.Helper("pinger", func(args []string) error {
	tr, q, v, err := takeArgs(args[2:])
	if err != nil {
		return err
	}
	there, err := joinByIDs([]string{args[0], args[1], "2"})
	if err != nil {
		return err
	}
	data, _ := pattern(tr.size)
	begin := time.Now()
	if err := tr.turns(q, there, data, v[0]); err != nil {
		return err
	}
	fmt.Println(float64(time.Since(begin)) / float64(v[0]))
	return nil
})

// turns sends, first if there is data, and receives, n times.
func (tr traffic) turns(in, out *Queue, data []byte, n int) error {
	buf := make([]byte, 0, tr.size)
	for range n {
		if data != nil {
			if err := out.Send(bg, data); err != nil {
				return err
			}
		}
		got, err := in.Next(bg, buf)
		if err != nil {
			return err
		}
		if data == nil {
			if err := out.Send(bg, got); err != nil {
				return err
			}
		}
	}
	return nil
}

// roundTrip is how many nanoseconds one of n takes there and back.
func (tr traffic) roundTrip(t testing.TB, cpus, n int) float64 {
	a, _ := newQueue(t, tr.units)
	b, _ := newQueue(t, tr.units)
	// Slots 1 and 2 of the queue that one sends into, and of the one that he gets from.
	pong := sysvtest.Start(t, ponger, append(b, tr.args(a, 1, cpus-1)...)...)
	pong.Expect("ready")
	ping := sysvtest.Start(t, pinger, append(a, tr.args(b, 2, 0, n)...)...)
	ns := compare.Number(t, ping.Line())
	ping.Finish()
	pong.Process.Kill()
	return ns
}

var traffics = []traffic{
	{size: 64, batch: 1, units: 1 << 15},
	{size: 64, batch: 16, units: 1 << 15},
	{size: 1 << 10, batch: 1, units: 1 << 16},
	{size: 64 << 10, batch: 1, units: 1 << 18},
	{size: 1 << 20, batch: 1, inPlace: true, units: 1 << 20},
}

// Two processes on two CPUs.
func BenchmarkThrough(b *testing.B) {
	for _, tr := range traffics {
		b.Run(tr.String(), func(b *testing.B) {
			n := 1 + 400_000_000/(tr.size*2+400) // some tenths of a second
			var best float64
			for b.Loop() {
				if ns := tr.perRecord(b, n); best == 0 || ns < best {
					best = ns
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(1000/best, "M/s")
			b.ReportMetric(float64(tr.size)/best, "GB/s")
		})
	}
}

func BenchmarkTwoToTwo(b *testing.B) {
	tr := traffic{size: 64, batch: 1, units: 1 << 15}
	best := 0.0
	for b.Loop() {
		if ns := tr.crowded(b, 1_000_000); best == 0 || ns < best {
			best = ns
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1000/best, "M/s")
}

// How many system calls a record takes that is one of many between two processes on two
// CPUs, of both and of what Go's runtime does in them.
func BenchmarkSystemCalls(b *testing.B) {
	tr, n := traffic{size: 64, batch: 1, units: 1 << 15}, 5_000_000
	calls, records := 0, 0
	for b.Loop() {
		calls += tr.systemCalls(b, n)
		records += n
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1000*float64(calls)/float64(records), "calls/1000-records")
}

// Beside it, what a bare futex takes in C to wake another process and to be woken.
func BenchmarkRoundTrip(b *testing.B) {
	tr := traffic{size: 64, batch: 1, units: 1 << 12}
	for cpus := 1; cpus <= 2; cpus++ {
		b.Run(fmt.Sprintf("cpus=%d", cpus), func(b *testing.B) {
			if runtime.NumCPU() < cpus {
				b.Skipf("skipping, one CPU: run on a machine with %d", cpus)
			}
			n := 5_000 * cpus * cpus
			futex := compare.C(b, "event.c")("pingpong", strconv.Itoa(cpus), strconv.Itoa(n/cpus/cpus/cpus))
			compare.Report(b, "ns/turn", func() float64 { return tr.roundTrip(b, cpus, n) }, "futex", futex)
		})
	}
}

// Send, Receive and Done in one process.
func BenchmarkAlone(b *testing.B) {
	_, q := newQueue(b, 1<<15)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Send(bg, data); err != nil {
			b.Fatal(err)
		}
		r, err := q.Receive(bg)
		if err != nil {
			b.Fatal(err)
		}
		r.Done()
	}
}

// TestBenchmarks: what the benchmarks measure works at all.
func TestBenchmarks(t *testing.T) {
	for _, tr := range traffics {
		tr.units = max(1<<10, tr.size)
		if ns := tr.perRecord(t, 50); ns <= 0 {
			t.Errorf("%v: a record takes %v ns", tr, ns)
		}
	}
	small := traffic{size: 64, batch: 1, units: 1 << 10}
	if ns := small.crowded(t, 1000); ns <= 0 {
		t.Errorf("two to two: a record takes %v ns", ns)
	}
	if ns := small.roundTrip(t, 1, 50); ns <= 0 {
		t.Errorf("there and back takes %v ns", ns)
	}
	for _, what := range []string{"turns", "copies"} {
		if ns := atBest(t, what, 50); ns <= 0 {
			t.Errorf("%s of the machine take %v ns", what, ns)
		}
	}
	t.Run("system calls", func(t *testing.T) {
		if n := small.systemCalls(t, 1000); n == 0 {
			t.Error("no system call is seen, not even that which prints the result")
		}
	})
}
