package ring

import (
	"context"
	"errors"
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// The mutexes of a queue's group.
const (
	producersMutex = iota
	consumersMutex
	queueMutexes
)

// CreateQueue makes a queue and joins it, unless ctx ends before that is done. If there is a
// segment with the key already the error is [io/fs.ErrExist]. With [sysv.Private] it
// always makes another queue, which is reached by its id.
//
// Nobody sees the queue before it is whole, and what a killed creator leaves is replaced:
// errors and all else are as in [lock.Create].
func CreateQueue(ctx context.Context, key sysv.Key, cfg *Config) (*Queue, error) {
	c, p, err := cfg.queue(key)
	if err != nil {
		return nil, err
	}
	g, err := create(ctx, key, c, p)
	return enterQueue(ctx, g, err)
}

// OpenQueue finds the queue with a key and joins it. If there is none the error is
// [io/fs.ErrNotExist]; any object that is no queue is refused. A queue in the making is
// waited for, until ctx ends: see [lock.Open].
func OpenQueue(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Queue, error) {
	g, err := lock.Open(ctx, key, cfg.lock(queueFormat))
	return enterQueue(ctx, g, err)
}

// OpenQueueID is OpenQueue for the id of a queue's segment, as ipcs(1) prints it or as
// [Queue.ID] says it in another process: see [lock.OpenID].
func OpenQueueID(ctx context.Context, id int, cfg *OpenConfig) (*Queue, error) {
	g, err := lock.OpenID(ctx, id, cfg.lock(queueFormat))
	return enterQueue(ctx, g, err)
}

// OpenOrCreateQueue finds the queue with a key as OpenQueue does, or makes it as
// CreateQueue does, and says which. Of cfg only OwnedBy and Size play a part where the
// queue exists: if Size is not 0 and it has another the error is [sysv.ErrSize]. What is left
// of a queue is made anew: see [lock.OpenOrCreate].
func OpenOrCreateQueue(ctx context.Context, key sysv.Key, cfg *Config) (q *Queue, created bool, err error) {
	c, p, err := cfg.queue(key)
	if err != nil {
		return nil, false, err
	}
	g, created, err := openOrCreate(ctx, key, c, p)
	q, err = enterQueue(ctx, g, err)
	if err != nil {
		return nil, false, err
	}
	want, _ := sizeOf("", c.Size)
	if cfg != nil && cfg.Size != 0 && q.size != want {
		err := &sysv.Error{Op: "ring", Key: key, ID: q.ID(), Err: sysv.ErrSize,
			Hint: fmt.Sprintf("%d bytes, %d are asked for", uint64(q.size)*unit, uint64(want)*unit)}
		return nil, false, errors.Join(err, q.Close())
	}
	return q, created, nil
}

// queue returns the Config with what it leaves open, and what a queue is made by.
func (cfg *Config) queue(key sysv.Key) (*Config, plan, error) {
	c, err := cfg.filled(key)
	if err != nil {
		return nil, plan{}, err
	}
	if c.Size == 0 {
		c.Size = defaultSize
	}
	if c.Lossy || c.Cursors != 0 {
		return nil, plan{}, invalid(key, "Lossy and Cursors are for a Feed")
	}
	if c.Attempts < 0 || c.Attempts > mostAttempts {
		return nil, plan{}, invalid(key, fmt.Sprintf("a record may have 0 to %d attempts, not %d", mostAttempts, c.Attempts))
	}
	if c.Aside == 0 && c.Attempts > 0 {
		c.Aside = max(c.Size/2, leastSize)
	}
	if c.Aside != 0 && c.Attempts == 0 {
		return nil, plan{}, invalid(key, "what is set aside has room, but Attempts is 0: nothing is")
	}
	if c.Leases == 0 {
		c.Leases = max(defaultLeases, 2*c.Processes)
	}
	if c.Leases < 2 || c.Leases > mostCells {
		return nil, plan{}, invalid(key, fmt.Sprintf("a queue has 2 to %d leases, not %d", mostCells, c.Leases))
	}
	l := geometry{cells: uint32(c.Leases), slots: uint32(c.Processes), limit: uint32(c.Attempts)}
	var reason string
	if l.size, reason = sizeOf("a queue's Size", c.Size); reason != "" {
		return nil, plan{}, invalid(key, reason)
	}
	if c.Aside != 0 {
		if c.Aside < c.Size/2 {
			return nil, plan{}, invalid(key, fmt.Sprintf("Aside is half of Size at least, so that any record has room: %d, not %d", c.Size/2, c.Aside))
		}
		if l.aside, reason = sizeOf("Aside", c.Aside); reason != "" {
			return nil, plan{}, invalid(key, reason)
		}
	}
	bytes, err := memoryOf(key, l.bytes())
	if err != nil {
		return nil, plan{}, err
	}
	return &c, plan{queueFormat, queueMutexes, bytes, func(memory []byte) error { l.write(memory); return nil }}, nil
}

// enterQueue makes of a membership one of a queue.
func enterQueue(ctx context.Context, g *lock.Group, err error) (*Queue, error) {
	if err != nil {
		return nil, err
	}
	m, err := viewQueue(g.Memory())
	if err == nil && g.Len() != queueMutexes {
		err = fmt.Errorf("%d mutexes", g.Len())
	}
	if err != nil {
		err = &sysv.Error{Op: "ring", Key: g.Key(), ID: g.ID(), Err: errCorrupt, Hint: err.Error()}
		return nil, errors.Join(err, g.Close())
	}
	m.id = g.ID()
	q := &Queue{membership: membership{group: g, kind: "Queue"}, member: member{
		memory:    m,
		producers: mutex{Mutex: g.Mutex(producersMutex), doing: "sending"},
		consumers: mutex{Mutex: g.Mutex(consumersMutex), doing: "receiving"},
		me:        g.Self(),
	}}
	q.dead = q.isDead
	q.init()
	if err := q.giveUp(ctx); err != nil {
		return nil, errors.Join(q.failed("Open", err), g.Close())
	}
	return q, nil
}

// isDead tells whether the member is dead that a word names.
func (q *Queue) isDead(word uint32) (bool, error) {
	alive, err := q.group.Alive(word)
	return !alive, err
}
