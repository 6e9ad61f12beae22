package counting

import (
	"context"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// count increments the shared counter and the slot's own until the slot's
// target is reached.
func (b *board) count(ctx context.Context, s *children.Slot, stop children.StopPoint) error {
	l := b.guard()
	begin := time.Now()
	for n := range s.Target.Load() {
		if err := b.increment(ctx, l, s, n, stop); err != nil {
			return err
		}
	}
	s.Began = begin.UnixNano()
	s.Ended = s.Began + time.Since(begin).Nanoseconds()
	return nil
}

func (b *board) increment(ctx context.Context, l guard, s *children.Slot, n uint32, stop children.StopPoint) error {
	if err := l.Lock(ctx); err != nil {
		return err
	}
	reach := func(step uint32) error {
		s.Step.Store(step)
		if stop != (children.StopPoint{Step: step, At: n}) {
			return nil
		}
		s.State.Store(children.Stopped)
		<-ctx.Done() // SIGKILL comes first, or else the parent has ended
		return context.Cause(ctx)
	}
	if err := reach(locked); err != nil {
		return err
	}
	// Load and store apart, as in v++: only the lock makes them one.
	v := b.Counter.Load()
	if locking(b.Locking) == lockNone {
		b.dawdle(n)
	}
	b.Counter.Store(v + 1)
	if err := reach(between); err != nil {
		return err
	}
	s.Own.Store(n + 1)
	if err := reach(both); err != nil {
		return err
	}
	s.Step.Store(outside)
	return l.Unlock()
}

// dawdle lets the other processes run between load and store every so often.
// Otherwise a process would do thousands of increments before the scheduler
// stops it, seldom in the middle of one, and lose next to nothing; on one CPU
// nothing at all. The first time all children meet here, so that of however few
// increments some get lost.
func (b *board) dawdle(n uint32) {
	switch {
	case n == 0:
		for patience := 1000; patience > 0 && !b.allBegan(); patience-- {
			time.Sleep(time.Millisecond)
		}
	case n%64 == 0:
		time.Sleep(100 * time.Microsecond)
	}
}

// allBegan tells whether every child is in its first increment or beyond it.
func (b *board) allBegan() bool {
	for i := range min(int(b.Children), len(b.slots)) {
		if s := &b.slots[i]; s.Own.Load() == 0 && s.Step.Load() == outside {
			return false
		}
	}
	return true
}
