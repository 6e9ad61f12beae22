package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/sysvipc/sysv/sem"
)

var alone = []figure{
	{Name: "uncontended Mutex, Lock and Unlock", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(b.mutex.Lock(context.Background()), b.mutex.Unlock())
	})},
	{Name: "uncontended fast lock, Lock and Unlock", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(b.fast.Lock(context.Background()), b.fast.Unlock())
	})},
	{Name: "uncontended Do, -1 and +1 with undo", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: -1, Flags: sem.Undo}),
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: +1, Flags: sem.Undo}))
	})},
	{Name: "uncontended Do, -1 and +1 without undo", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: -1}),
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: +1}))
	})},
	{Name: "one Do of five operations", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return b.set.Do(context.Background(), sem.Op{Num: benchPing, Delta: +1}, sem.Op{Num: benchPong, Delta: +1},
			sem.Op{Num: benchPing, Delta: -1}, sem.Op{Num: benchPong, Delta: -1}, sem.Op{Num: benchGate})
	})},
	{Name: "turn to another process and back, on one CPU", Unit: "ns", cpus: 1, measure: turns(1)},
	{Name: "turn to another process and back, on two CPUs", Unit: "ns", cpus: 2, measure: turns(2)},
}

var cancelled = []figure{
	{Name: "from cancelling a wait to its return, median", Unit: "ns", cpus: 1, measure: cancellations(50)},
	{Name: "from cancelling a wait to its return, 99 of 100", Unit: "ns", cpus: 1, measure: cancellations(99)},
}

// pairs measures what one call of f takes.
func pairs(f func(*bench) error) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		begin := time.Now()
		for n := 1; ; n++ {
			if err := f(b); err != nil {
				return 0, err
			}
			if n%1024 != 0 {
				continue
			}
			if took := time.Since(begin); took >= b.window || ctx.Err() != nil {
				return float64(took.Nanoseconds()) / float64(n), nil
			}
		}
	}
}

// cancellations measures how long it takes a wait to end after its context, as a
// percentile. All percentiles are those of one sample.
func cancellations(percent int) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		if b.cancelled == nil {
			if err := b.sampleCancellations(ctx); err != nil {
				return 0, err
			}
		}
		return float64(b.cancelled[len(b.cancelled)*percent/100].Nanoseconds()), nil
	}
}

// sampleCancellations takes the sample, and sorts it.
func (b *bench) sampleCancellations(ctx context.Context) error {
	var took []time.Duration
	for end := time.Now().Add(b.window); time.Now().Before(end) && ctx.Err() == nil; {
		waiting, cancel := context.WithCancel(ctx)
		ended := make(chan time.Time)
		go func() {
			b.set.Do(waiting, sem.Op{Num: benchPing, Delta: -1})
			ended <- time.Now()
		}()
		for n := 0; n == 0 && ctx.Err() == nil; {
			var err error
			if n, err = b.set.Waiters(benchPing); err != nil {
				cancel()
				return err
			}
		}
		begin := time.Now()
		cancel()
		took = append(took, (<-ended).Sub(begin))
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	slices.Sort(took)
	b.cancelled = took
	return nil
}
