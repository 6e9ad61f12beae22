package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// contention are the figures of processes that count under a lock.
func contention(how locking, name string, l *line) (all []figure) {
	for _, n := range []int{1, 2, 4, 8} {
		f := figure{Name: fmt.Sprintf("counting under %s, %d processes", name, n), Unit: "/s", cpus: 1, measure: gettingIt(n, how), of: increments, line: l, x: n}
		if n == 1 {
			f.Name = strings.TrimSuffix(f.Name, "es")
		}
		all = append(all, f)
	}
	return all
}

// gettingIt measures how many times a second processes get the lock.
func gettingIt(processes int, how locking) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		b.tally.counter = 0
		b.tally.stop.Store(0)
		if err := b.set.SetValue(benchGate, processes+1); err != nil {
			return 0, err
		}
		group, mutex := -1, locker(b.mutex)
		if how == underFast {
			group, mutex = b.group.ID(), b.fast
		}
		var roles []*Peer
		for range processes {
			roles = append(roles, &Peer{Set: b.set.ID(), Segment: b.seg.ID(), Group: group, Count: true})
		}
		peers, err := startPeers(roles...)
		defer peers.End()
		if err != nil {
			return 0, err
		}
		// Each has taken one from the gate and waits for the last.
		if err := b.set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}, sem.Op{Num: benchGate}); err != nil {
			return 0, err
		}
		begin := time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(b.window):
		}
		if err := mutex.Lock(ctx); err != nil {
			return 0, err
		}
		// In so short a time none of them may have had its turn.
		for b.tally.counter == 0 && ctx.Err() == nil {
			if err := mutex.Unlock(); err != nil {
				return 0, err
			}
			time.Sleep(b.window)
			if err := mutex.Lock(ctx); err != nil {
				return 0, err
			}
		}
		counted, took := b.tally.counter, time.Since(begin)
		b.tally.stop.Store(1)
		if err := mutex.Unlock(); err != nil {
			return 0, err
		}
		return float64(counted) / took.Seconds(), peers.Finish(ctx)
	}
}

func (c *Peer) count(set *sem.Set) error {
	seg, err := shm.OpenID(c.Segment)
	if err != nil {
		return err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	tally, err := shm.View[tally](mem, 0)
	if err != nil {
		return err
	}
	ctx := context.Background()
	mutex := locker(set.Mutex(benchLock))
	if c.Group >= 0 {
		group, err := lock.OpenID(ctx, c.Group, nil)
		if err != nil {
			return err
		}
		mutex = fastLock{group.Mutex(0)}
	}
	if err := set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}); err != nil {
		return err
	}
	if err := set.Do(ctx, sem.Op{Num: benchGate}); err != nil {
		return err
	}
	for tally.stop.Load() == 0 {
		if err := mutex.Lock(ctx); err != nil {
			return err
		}
		tally.counter++
		if err := mutex.Unlock(); err != nil {
			return err
		}
	}
	return nil
}
