package ring

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// feedFormat is what lock.Config.Format says of the memory of a Feed.
const feedFormat = "sysvipc feed 1"

// feedGeometry is what the memory of a Feed begins with, on a line of its own: what
// follows from it.
type feedGeometry struct {
	cursors, slots uint32
	size           uint32 // of the ring in units, a power of two
	lossy          uint32
}

func (g feedGeometry) bytes() uint64 {
	return line + uint64(feedSize(int(g.cursors), int(g.slots), 0)) + uint64(g.size)*unit
}

// fits tells whether it can be that of so many bytes. Others wrote it.
func (g feedGeometry) fits(bytes int) bool {
	return g.cursors <= mostCells && g.slots > 0 && g.slots <= mostSlots && g.lossy <= 1 &&
		isSize(g.size) && g.bytes() == uint64(bytes)
}

// CreateFeed makes a feed and joins it, unless ctx ends before that is done. All is as with
// [CreateQueue], but for Attempts, Aside and Leases, which have to be 0.
func CreateFeed(ctx context.Context, key sysv.Key, cfg *Config) (*Feed, error) {
	c, p, err := cfg.feed(key)
	if err != nil {
		return nil, err
	}
	g, err := create(ctx, key, c, p)
	return enterFeed(ctx, g, err)
}

// OpenFeed finds the feed with a key and joins it: see [OpenQueue].
func OpenFeed(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Feed, error) {
	g, err := lock.Open(ctx, key, cfg.lock(feedFormat))
	return enterFeed(ctx, g, err)
}

// OpenFeedID is OpenFeed for the id of its segment: see [OpenQueueID].
func OpenFeedID(ctx context.Context, id int, cfg *OpenConfig) (*Feed, error) {
	g, err := lock.OpenID(ctx, id, cfg.lock(feedFormat))
	return enterFeed(ctx, g, err)
}

// OpenOrCreateFeed finds the feed with a key as OpenFeed does, or makes it as CreateFeed
// does, and says which. If it is there and Size is not 0 and another, or it is lossy where
// cfg is not, or the other way round, the error is [sysv.ErrSize].
func OpenOrCreateFeed(ctx context.Context, key sysv.Key, cfg *Config) (f *Feed, created bool, err error) {
	c, p, err := cfg.feed(key)
	if err != nil {
		return nil, false, err
	}
	g, created, err := openOrCreate(ctx, key, c, p)
	f, err = enterFeed(ctx, g, err)
	if err != nil {
		return nil, false, err
	}
	want, _ := sizeOf("", c.Size)
	if cfg != nil && cfg.Size != 0 && f.size != want || f.lossy != c.Lossy {
		err := &sysv.Error{Op: "ring", Key: key, ID: f.ID(), Err: sysv.ErrSize,
			Hint: fmt.Sprintf("%d bytes, lossy %v; %d, %v are asked for", uint64(f.size)*unit, f.lossy, uint64(want)*unit, c.Lossy)}
		return nil, false, errors.Join(err, f.Close())
	}
	return f, created, nil
}

// feed returns the Config with what it leaves open, and what a Feed is made by.
func (cfg *Config) feed(key sysv.Key) (*Config, plan, error) {
	c, err := cfg.filled(key)
	if err != nil {
		return nil, plan{}, err
	}
	if c.Attempts != 0 || c.Aside != 0 || c.Leases != 0 {
		return nil, plan{}, invalid(key, "Attempts, Aside and Leases are for a Queue")
	}
	if c.Size == 0 {
		c.Size = defaultSize
	}
	switch {
	case c.Lossy && c.Cursors != 0:
		return nil, plan{}, invalid(key, "Cursors are for a lossless feed")
	case c.Cursors < 0 || c.Cursors > mostCells:
		return nil, plan{}, invalid(key, fmt.Sprintf("a feed has 1 to %d cursors, not %d", mostCells, c.Cursors))
	case c.Cursors == 0 && !c.Lossy:
		c.Cursors = max(64, 2*c.Processes)
	}
	g := feedGeometry{cursors: uint32(c.Cursors), slots: uint32(c.Processes)}
	var reason string
	if g.size, reason = sizeOf("a feed's Size", c.Size); reason != "" {
		return nil, plan{}, invalid(key, reason)
	}
	if c.Lossy {
		g.lossy = 1
	}
	bytes, err := memoryOf(key, g.bytes())
	if err != nil {
		return nil, plan{}, err
	}
	return &c, plan{feedFormat, 1, bytes, func(b []byte) error {
		*(*feedGeometry)(unsafe.Pointer(&b[0])) = g
		return nil
	}}, nil
}

// viewFeed finds the parts of a feed in a group's memory.
func viewFeed(b []byte) (m feedMemory, err error) {
	if len(b) < line {
		return m, fmt.Errorf("%d bytes can't be a feed", len(b))
	}
	g := *(*feedGeometry)(unsafe.Pointer(&b[0]))
	if !g.fits(len(b)) {
		return m, fmt.Errorf("%d bytes can't be a feed with %d cursors, %d members and %d units", len(b), g.cursors, g.slots, g.size)
	}
	return newFeedMemory(b[line:], int(g.cursors), int(g.slots), g.size, g.lossy == 1), nil
}

// enterFeed makes of a membership one of a feed.
func enterFeed(ctx context.Context, g *lock.Group, err error) (*Feed, error) {
	if err != nil {
		return nil, err
	}
	m, err := viewFeed(g.Memory())
	if err != nil {
		err = &sysv.Error{Op: "ring", Key: g.Key(), ID: g.ID(), Err: errCorrupt, Hint: err.Error()}
		return nil, errors.Join(err, g.Close())
	}
	f := newFeed(feedMember{feedMemory: m, producers: mutex{Mutex: g.Mutex(0), doing: "sending or joining"}, me: g.Self(), id: g.ID()})
	f.group, f.kind = g, "Feed"
	f.dead = func(word uint32) (bool, error) {
		alive, err := g.Alive(word)
		return !alive, err
	}
	if err := f.giveUp(ctx); err != nil {
		return nil, errors.Join(f.failed("Open", err), g.Close())
	}
	return f, nil
}

// giveUp gives back what bears this member's word: a member may have left it who had the
// same one, and died, so long ago that the words have come round.
func (f *Feed) giveUp(ctx context.Context) error {
	if err := f.producers.enter(ctx); err != nil {
		return err
	}
	f.producing[f.slot()].store(0)
	return f.left(f.disown(f.me), nil)
}

// disown gives back the cursors of a member, and makes padding of what they keep for it.
func (m *feedMemory) disown(word uint32) (some bool) {
	tail := m.tail.load()
	for i := range m.cursors {
		c := &m.cursors[i]
		if c.owner.load() != word {
			continue
		}
		if at := c.from.load(); at != tail && tail-at <= m.size {
			m.heal(at, word)
		}
		c.owner.store(0)
		some = true
	}
	return some
}

// Close ends the membership. The feed itself stays, unless it is ephemeral and this was its
// last member. Where a [Subscription] is not closed, or a reservation neither committed
// nor discarded, the error is [ErrInUse] and nothing has changed. All else is as
// with [Queue.Close].
func (f *Feed) Close() error {
	return f.close(f.inUse, func() error {
		f.producing[f.slot()].store(0)
		if f.ended.load() != 0 {
			f.notEmpty.ring() // this may have been the last that had not finished
		}
		return nil
	}, func() {
		size, slots := f.size, len(f.producing)
		f.feedMemory = newFeedMemory(make([]byte, feedSize(0, slots, 1)), 0, slots, 1, f.lossy) // for calls that look before they ask
		f.size = size
	})
}

func (f *Feed) inUse() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.subscriptions > 0 || len(f.writing) > 0
}

// Remove removes the feed and what is in it, for everybody: see [Queue.Remove].
func (f *Feed) Remove() error {
	return f.remove(func() {
		f.notEmpty.Advance()
		f.notFull.Advance()
	})
}
