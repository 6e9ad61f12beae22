//go:build linux && !android

package kit

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// Moment is one when a wait is under way for certain, or as often one when it
// begins.
func Moment(r *rand.Rand) time.Duration {
	longest := 300 * time.Microsecond
	if r.IntN(2) == 0 {
		longest = 10 * time.Microsecond
	}
	return time.Duration(r.Int64N(int64(longest)))
}

// Momentary is a context that ends at a Moment, at its deadline or cancelled.
func Momentary(r *rand.Rand) (context.Context, context.CancelFunc) {
	if r.IntN(2) == 0 {
		return context.WithTimeout(context.Background(), Moment(r))
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(Moment(r), cancel)
	return ctx, cancel
}

// AtMoment calls f at a Moment from now, and returns a function that waits for its
// end.
func AtMoment(r *rand.Rand, f func()) (wait func()) {
	var called sync.WaitGroup
	at := time.Now().Add(Moment(r))
	called.Go(func() {
		for time.Now().Before(at) {
			runtime.Gosched()
		}
		f()
	})
	return called.Wait
}

// CancelAfter cancels a call, pause after it began. It returns how long after
// the cancellation the call returned, and its error.
func CancelAfter(t testing.TB, pause time.Duration, call func(context.Context) error) (time.Duration, error) {
	t.Helper()
	type end struct {
		err error
		at  time.Time
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun, ended := make(chan time.Time), make(chan end, 1)
	go func() {
		begun <- time.Now()
		err := call(ctx)
		ended <- end{err, time.Now()}
	}()
	// A timer would be late by more than what is to be hit.
	for begin := <-begun; time.Since(begin) < pause; {
		runtime.Gosched()
	}
	at := time.Now()
	cancel()
	select {
	case e := <-ended:
		return e.at.Sub(at), e.err
	case <-time.After(Patience):
		t.Fatalf("still waiting %v after its cancellation", Patience)
		return 0, nil
	}
}

// Latencies are how long after their cancellation calls returned.
type Latencies []time.Duration

// Cancel cancels one more call, which must have waited in vain, at a Moment.
func (l *Latencies) Cancel(t testing.TB, r *rand.Rand, call func(context.Context) error) {
	t.Helper()
	latency, err := CancelAfter(t, Moment(r), call)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	*l = append(*l, latency)
}

// Log says what they were.
func (l Latencies) Log(t testing.TB) {
	t.Helper()
	p50, p99, max := l.quantiles()
	t.Logf("%d cancellations: p50 %.0f µs, p99 %.0f µs, max %.0f µs", len(l), p50, p99, max)
}

// Report makes them what a benchmark has measured.
func (l Latencies) Report(b *testing.B) {
	p50, p99, max := l.quantiles()
	b.ReportMetric(0, "ns/op") // of which most is the Moment
	b.ReportMetric(p50, "p50-us")
	b.ReportMetric(p99, "p99-us")
	b.ReportMetric(max, "max-us")
}

// quantiles returns them in microseconds.
func (l Latencies) quantiles() (p50, p99, max float64) {
	slices.Sort(l)
	us := func(i int) float64 { return float64(l[i].Nanoseconds()) / 1000 }
	return us(len(l) / 2), us(len(l) * 99 / 100), us(len(l) - 1)
}
