package ring

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// latestFormat is what lock.Config.Format says of the memory of a Latest.
const latestFormat = "sysvipc latest 1"

// mostLatest is how many bytes a value can have.
const mostLatest = 1 << 30

// latestHeader is what the memory of a Latest begins with, on a line of its own.
type latestHeader struct{ most uint32 }

// CreateLatest makes a Latest for values of up to size bytes, 1 to 1<<30, and joins it,
// unless ctx ends before that is done. Of cfg only Processes, Mode, OwnedBy and
// Ephemeral may be set. All else is as with [CreateQueue].
func CreateLatest(ctx context.Context, key sysv.Key, size int, cfg *Config) (*Latest, error) {
	c, p, err := cfg.latest(key, size)
	if err != nil {
		return nil, err
	}
	return enterLatest(create(ctx, key, c, p))
}

// OpenLatest finds the Latest with a key and joins it: see [OpenQueue].
func OpenLatest(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Latest, error) {
	return enterLatest(lock.Open(ctx, key, cfg.lock(latestFormat)))
}

// OpenLatestID is OpenLatest for the id of its segment: see [OpenQueueID].
func OpenLatestID(ctx context.Context, id int, cfg *OpenConfig) (*Latest, error) {
	return enterLatest(lock.OpenID(ctx, id, cfg.lock(latestFormat)))
}

// OpenOrCreateLatest finds the Latest with a key as OpenLatest does, or makes it as
// CreateLatest does, and says which. If it is there and has another size the error is
// [sysv.ErrSize].
func OpenOrCreateLatest(ctx context.Context, key sysv.Key, size int, cfg *Config) (l *Latest, created bool, err error) {
	c, p, err := cfg.latest(key, size)
	if err != nil {
		return nil, false, err
	}
	g, created, err := openOrCreate(ctx, key, c, p)
	l, err = enterLatest(g, err)
	if err != nil {
		return nil, false, err
	}
	if l.Size() != size {
		err := &sysv.Error{Op: "ring", Key: key, ID: l.ID(), Err: sysv.ErrSize,
			Hint: fmt.Sprintf("values of up to %d bytes, %d are asked for", l.Size(), size)}
		return nil, false, errors.Join(err, l.Close())
	}
	return l, created, nil
}

// latest returns the Config with what it leaves open, and what a Latest is made by.
func (cfg *Config) latest(key sysv.Key, size int) (*Config, plan, error) {
	c, err := cfg.filled(key)
	if err != nil {
		return nil, plan{}, err
	}
	if c.Size != 0 || c.Attempts != 0 || c.Aside != 0 || c.Leases != 0 || c.Lossy || c.Cursors != 0 {
		return nil, plan{}, invalid(key, "Size, Attempts, Aside, Leases, Lossy and Cursors are not for a Latest")
	}
	if size < 1 || size > mostLatest {
		return nil, plan{}, invalid(key, fmt.Sprintf("a value has up to 1 to %d bytes, not %d", mostLatest, size))
	}
	bytes, err := memoryOf(key, line+latestSize(uint32(size)))
	if err != nil {
		return nil, plan{}, err
	}
	return &c, plan{latestFormat, 1, bytes, func(b []byte) error {
		(*latestHeader)(unsafe.Pointer(&b[0])).most = uint32(size)
		return nil
	}}, nil
}

// viewLatest finds the parts of a Latest in a group's memory.
func viewLatest(b []byte) (m latestMemory, err error) {
	if len(b) < line {
		return m, fmt.Errorf("%d bytes can't be a Latest", len(b))
	}
	most := (*latestHeader)(unsafe.Pointer(&b[0])).most
	if most < 1 || most > mostLatest || uint64(len(b)) != line+latestSize(most) {
		return m, fmt.Errorf("%d bytes can't be a Latest with values of up to %d", len(b), most)
	}
	return newLatestMemory(b[line:], most), nil
}

// enterLatest makes of a membership one of a Latest.
func enterLatest(g *lock.Group, err error) (*Latest, error) {
	if err != nil {
		return nil, err
	}
	m, err := viewLatest(g.Memory())
	if err != nil {
		err = &sysv.Error{Op: "ring", Key: g.Key(), ID: g.ID(), Err: errCorrupt, Hint: err.Error()}
		return nil, errors.Join(err, g.Close())
	}
	l := newLatest(latestMember{m, mutex{Mutex: g.Mutex(0), doing: "setting a value"}, g.ID()})
	l.group, l.kind = g, "Latest"
	return l, nil
}

// Close ends the membership. The newest value stays, unless the Latest is ephemeral and
// this was its last member. Where a call of this process is under way that
// may have to wait the error is [ErrInUse]. To close again does nothing; Remove still works; everything
// else gives [os.ErrClosed].
//
// No other call may begin while Close runs: it could touch memory that is there no more,
// which ends the program. A process need not close: its end does the same.
func (l *Latest) Close() error {
	return l.close(func() bool { return false }, func() error { return nil }, func() {
		most := l.most
		l.latestMemory = newLatestMemory(make([]byte, latestSize(1)), 1) // for calls that look before they ask
		l.most = most
	})
}

// Remove removes it, for everybody: whoever waits is woken with [sysv.ErrRemoved], and
// so is told who sets or gets a value, within a tenth of a second. Members must still
// Close. Only the owner, the creator or CAP_SYS_ADMIN may: others get
// [io/fs.ErrPermission], and nothing has changed. To remove again is [sysv.ErrRemoved]. What
// ipcrm(1) removes is noticed as soon.
func (l *Latest) Remove() error { return l.remove(func() { l.changed.Advance() }) }
