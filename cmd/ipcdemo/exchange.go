package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
)

// exchange is what a queue run has: the queue, a set under the same key, which
// tells others whose the queue is, and the ledger.
type exchange struct {
	queue  *msg.Queue
	set    *sem.Set
	ledger *ledger
}

// The semaphores of the set.
const (
	queueMagic  = iota // magicValue: the set is of a queue run
	queueReady         // producers and consumers that are not ready yet
	queueGate          // 1 until they may begin
	queueParent        // 1 while the parent lives, by undo
	queuePhase         // unfinished, counting or kept
	queueSemCount
)

const magicValue = 'M'<<8 | 'Q'

// createExchange makes the set first, exclusively, and only then the queue: so
// a queue whose key has no such set is never of a queue run.
func createExchange(key sysv.Key, p plan) (*exchange, error) {
	l, err := newLedger(p)
	if err != nil {
		return nil, err
	}
	x := &exchange{ledger: l}
	if err := x.create(key); err != nil {
		return nil, errors.Join(err, x.remove())
	}
	return x, nil
}

func (x *exchange) create(key sysv.Key) (err error) {
	values := make([]int, queueSemCount)
	values[queueMagic], values[queueReady], values[queueGate] = magicValue, x.ledger.workers(), 1
	if x.set, err = sem.Create(key, values, nil); err != nil {
		return err
	}
	if err := x.set.Do(context.Background(), sem.Op{Num: queueParent, Delta: +1, Flags: sem.Undo}); err != nil {
		return err
	}
	if x.queue, err = msg.Create(key, nil); err != nil {
		return err
	}
	return x.set.SetValue(queuePhase, counting)
}

// allReady waits until every producer and every consumer has come.
func (x *exchange) allReady(ctx context.Context) error {
	return x.set.Do(ctx, sem.Op{Num: queueReady})
}

// remove removes what there is, the set last, as it says whose the queue is.
// Somebody else may have been faster: that is no error.
func (x *exchange) remove() (err error) {
	if x.queue != nil {
		err = ignoreRemoved(x.queue.Remove())
	}
	if x.set != nil {
		err = errors.Join(err, ignoreRemoved(x.set.Remove()))
	}
	return errors.Join(err, x.ledger.mem.Detach())
}

// watch cancels when the queue or the set is removed from outside.
func (x *exchange) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		if err := x.removed(); err != nil && ctx.Err() == nil {
			cancel(err)
			return
		}
	}
}

// removed tells whether the queue or the set is gone.
func (x *exchange) removed() error {
	_, err := x.queue.Stat()
	if err == nil {
		_, err = x.set.Stat()
	}
	return explainRemoved(err)
}

// explainQueueTaken says whose a key is that was to be created.
func explainQueueTaken(key sysv.Key, err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return hinted{fmt.Errorf("key %v is taken: %w", key, err), queueTakenBy(key)}
}

func queueTakenBy(key sysv.Key) string {
	const foreign = "another program uses it: choose another key"
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	set, err := sem.Open(ctx, key, nil)
	if err != nil || set.Len() != queueSemCount {
		return foreign
	}
	values, err := set.Values()
	if err != nil || values[queueMagic] != magicValue {
		return foreign
	}
	remove := fmt.Sprintf("ipcrm -S %v", key)
	if _, err := msg.Open(key, nil); err == nil {
		remove = fmt.Sprintf("ipcrm -Q %[1]v -S %[1]v", key)
	}
	switch {
	case values[queuePhase] == kept:
		return "a run with --keep left its objects there; remove them: " + remove
	case values[queueParent] > 0:
		return "a run is in progress: wait for its end, or choose another key"
	case values[queuePhase] == unfinished:
		return "a run is being set up, or one was killed meanwhile; look: ipcs -q -s; remove: " + remove
	}
	return "a killed run left its objects there; remove them: " + remove
}
