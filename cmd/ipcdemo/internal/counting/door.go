package counting

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/sem"
)

// allReady waits until every child has attached.
func (b *board) allReady(ctx context.Context) error {
	return b.set.Do(ctx, sem.Op{Num: semReady})
}

// passGate waits until the run begins to count: until the gate is 0.
func (b *board) passGate(ctx context.Context) error {
	return b.set.Do(ctx, sem.Op{Num: semGate})
}

// announce takes a free slot for a joiner, for whom the parent then waits: if
// the joiner dies, the kernel takes its word back.
func (b *board) announce(ctx context.Context, target uint32) (*children.Slot, error) {
	door := b.set.Mutex(semDoor)
	if err := door.Lock(ctx); err != nil {
		return nil, err
	}
	defer door.Unlock()
	if b.Phase.Load() >= closed {
		return nil, errors.New("the run has ended counting: too late to join")
	}
	total := uint64(target)
	var mine *children.Slot
	for i := range b.slots {
		s := &b.slots[i]
		if s.State.Load() != children.Free || i < int(b.Children) {
			total += uint64(s.Target.Load())
		} else if mine == nil {
			mine = s
		}
	}
	if mine == nil {
		return nil, fmt.Errorf("the run has %d joiners already, which is all it has room for", maxJoiners)
	}
	if total > math.MaxUint32 {
		return nil, errTooMany(total)
	}
	mine.Target.Store(target)
	mine.PID.Store(uint32(os.Getpid()))
	if err := b.set.Do(ctx, sem.Op{Num: semJoiners, Delta: +1, Flags: sem.Undo}); err != nil {
		return nil, err
	}
	mine.State.Store(children.Present)
	return mine, nil
}

// closeDoor waits until no joiner counts any more and lets no other in, both in
// one operation on two semaphores.
func (b *board) closeDoor(ctx context.Context, bars *term.Bars) error {
	for {
		tick, cancel := context.WithTimeout(ctx, children.Tick)
		err := b.set.Do(tick, sem.Op{Num: semJoiners}, sem.Op{Num: semDoor, Delta: -1, Flags: sem.Undo})
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		bars.Update()
	}
	for i := range b.slots {
		// A joiner that has gone without a word died: its word was undone.
		b.slots[i].State.CompareAndSwap(children.Present, children.Dead)
	}
	b.Phase.Store(closed)
	return b.set.Do(ctx, sem.Op{Num: semDoor, Delta: +1, Flags: sem.Undo})
}
