package messages

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
)

var messageKind = kind{
	name: "messages", object: "queue", option: "q", unit: "messages",
	longest: longestMessage, create: createMessages, open: openMessages, takenBy: queueTakenBy,
}

// messages is a message queue, with a set under the same key, which tells others whose
// the queue is. Each producer's messages have a type, and so have those that tell
// consumers to end.
type messages struct {
	queue    *msg.Queue
	set      *sem.Set // nil in a worker
	plan     *plan
	producer int // whose process this is
	buf      []byte
	stops    int // messages that are still to tell a consumer to end
}

// The semaphores of the set.
const (
	queueMagic  = iota // magicValue: the set is of a queue run
	queueParent        // 1 while the parent lives, by undo
	queuePhase         // a phase
	queueSemCount
)

// Phases of a run.
const (
	settingUp = iota
	underway
	leftBehind // on purpose
)

const magicValue = 'M'<<8 | 'Q'

// longestMessage leaves out what a queue can't hold beside others: that is refused when
// it is full, not before.
func longestMessage() (int, string, error) {
	limits, err := msg.Limits()
	return min(limits.MsgMax, limits.MsgMNB), fmt.Sprintf("here (kernel.msgmax is %d, kernel.msgmnb %d)", limits.MsgMax, limits.MsgMNB), err
}

// createMessages makes the set first, exclusively, and only then the queue: so a queue
// whose key has no such set is never of a queue run.
func createMessages(key sysv.Key, l *ledger) (carrier, error) {
	c := &messages{plan: l.plan, stops: int(l.Consumers)}
	if err := c.create(key); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *messages) create(key sysv.Key) (err error) {
	values := make([]int, queueSemCount)
	values[queueMagic] = magicValue
	if c.set, err = sem.Create(key, values, nil); err != nil {
		return err
	}
	if err := c.set.Do(context.Background(), sem.Op{Num: queueParent, Delta: +1, Flags: sem.Undo}); err != nil {
		return err
	}
	if c.queue, err = msg.Create(key, nil); err != nil {
		return err
	}
	return c.set.SetValue(queuePhase, underway)
}

func openMessages(_ context.Context, key sysv.Key, l *ledger, slot int) (carrier, error) {
	q, err := msg.Open(key, nil)
	if err != nil {
		return nil, err
	}
	return &messages{queue: q, plan: l.plan, producer: slot, buf: make([]byte, l.Size)}, nil
}

func (c *messages) reserve(context.Context) ([]byte, error) { return c.buf, nil }

func (c *messages) send(ctx context.Context) error { return c.queue.Send(ctx, c.producer+1, c.buf) }

// stopType is the type of the message that tells one consumer to end. Producers
// use the types below it.
func (c *messages) stopType() int { return int(c.plan.Producers) + 1 }

// receive takes whatever there is, also what no producer sent: else that would stay at
// the head of the queue.
func (c *messages) receive(ctx context.Context) (record, error) {
	m, err := c.queue.Receive(ctx, msg.Any.Truncate(), c.buf)
	switch {
	case err != nil:
		return record{}, err
	case m.Type == c.stopType() && len(m.Data) == 0:
		return record{}, io.EOF
	case !c.ofProducer(m):
		return record{}, nil
	}
	return record{data: m.Data}, nil
}

// ofProducer tells whether a message is of the producer that it names.
func (c *messages) ofProducer(m msg.Message) bool {
	return !m.Truncated && len(m.Data) >= headSize && m.Type >= 1 && m.Type <= int(c.plan.Producers) &&
		binary.LittleEndian.Uint32(m.Data) == uint32(m.Type-1)
}

// done has nothing to say: the queue has forgotten the message.
func (c *messages) done() error { return nil }

// finish sends each consumer a message to stop, which comes after all others, as far
// as there is room.
func (c *messages) finish() (bool, error) {
	for c.stops > 0 {
		ok, err := c.queue.TrySend(c.stopType(), nil)
		if err != nil || !ok {
			return false, err
		}
		c.stops--
	}
	return true, nil
}

func (c *messages) id() int    { return c.queue.ID() }
func (c *messages) setID() int { return c.set.ID() }

func (c *messages) removed() error {
	_, err := c.queue.Stat()
	if err == nil && c.set != nil {
		_, err = c.set.Stat()
	}
	return err
}

func (c *messages) keep() error { return c.set.SetValue(queuePhase, leftBehind) }

// remove removes the set last, as it says whose the queue is.
func (c *messages) remove() (err error) {
	if c.queue != nil {
		err = term.IgnoreRemoved(c.queue.Remove())
	}
	if c.set != nil {
		err = errors.Join(err, term.IgnoreRemoved(c.set.Remove()))
	}
	return err
}

func (c *messages) close() error { return nil }

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
	case values[queuePhase] == leftBehind:
		return "a run with --keep left its objects there; remove them: " + remove
	case values[queueParent] > 0:
		return "a run is in progress: wait for its end, or choose another key"
	case values[queuePhase] == settingUp:
		return "a run is being set up, or one was killed meanwhile; look: ipcs -q -s; remove: " + remove
	}
	return "a killed run left its objects there; remove them: " + remove
}
