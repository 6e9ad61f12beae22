package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Open finds the group with a key and joins it. If there is no segment with the
// key, the error is [fs.ErrNotExist].
//
// A group in the making is waited for, until ctx ends. Then the error is
// [sysv.ErrNotInitialized] as well as the context's: if its creator is dead,
// ipcrm(1) removes what there is of it. A segment or set that is not a group's
// is refused, as far as that can be seen. Where its set is gone the error is
// [sysv.ErrRemoved], where all places are taken ENOSPC.
//
// Anybody may have made the group: where that matters, see Config.OwnedBy.
func Open(ctx context.Context, key sysv.Key) (*Group, error) {
	return open(ctx, nil, func() (*shm.Segment, error) { return shm.Open(key, nil) })
}

// OpenID is Open for the id of a group's segment, as ipcs(1) prints it or as
// [Group.ID] says it in another process. For a removed group the error is
// [sysv.ErrRemoved] until its last member has closed, then [fs.ErrNotExist].
func OpenID(ctx context.Context, id int) (*Group, error) {
	return open(ctx, nil, func() (*shm.Segment, error) { return shm.OpenID(id) })
}

// OpenOrCreate finds the group with a key as Open does, or makes it as Create
// does, and says which. Of processes that call it at once exactly one is told
// that it created. Of cfg only OwnedBy plays a part where the group exists. If
// it has another number of mutexes than n the error says both.
func OpenOrCreate(ctx context.Context, key sysv.Key, n int, cfg *Config) (g *Group, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if key == sysv.Private {
		return nil, false, invalid(key, "key 0 is IPC_PRIVATE, which names no existing group: create one, or open it by id")
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		g, exists, err := create(key, n, cfg)
		if errors.Is(err, sysv.ErrRemoved) {
			continue // by somebody who had opened it
		}
		if !exists {
			return g, err == nil, err
		}
		g, err = open(ctx, cfg.OwnedBy, func() (*shm.Segment, error) {
			return shm.Open(key, &shm.OpenConfig{OwnedBy: cfg.OwnedBy})
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err == nil && g.Len() != n {
			err = invalid(key, fmt.Sprintf("it exists with %d mutexes, %d are asked for", g.Len(), n))
			return nil, false, errors.Join(err, g.Close())
		}
		return g, false, err
	}
}

// open makes this process a member of the group whose segment find finds. One
// that is removed meanwhile makes room for another, unless find is by id.
func open(ctx context.Context, ownedBy *uint32, find func() (*shm.Segment, error)) (*Group, error) {
	for removed := -1; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seg, err := find()
		if err != nil {
			return nil, err
		}
		if seg.ID() == removed {
			return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: sysv.ErrRemoved}
		}
		g, err := openSegment(ctx, ownedBy, seg)
		if err == nil {
			return g, nil
		}
		st, gone := seg.Stat()
		if gone == nil && !st.Dest || gone != nil && !errors.Is(gone, sysv.ErrRemoved) {
			return nil, err
		}
		removed = seg.ID()
	}
}

func openSegment(ctx context.Context, ownedBy *uint32, seg *shm.Segment) (*Group, error) {
	mapping, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	g, err := openMapped(ctx, ownedBy, seg, mapping)
	if err != nil {
		return nil, errors.Join(err, mapping.Detach())
	}
	return g, nil
}

// openMapped waits until a segment has been filled, and joins.
func openMapped(ctx context.Context, ownedBy *uint32, seg *shm.Segment, mapping *shm.Mapping) (*Group, error) {
	h, err := shm.View[header](mapping, 0)
	if err != nil {
		return nil, foreign(seg, "a segment of %d bytes", mapping.Len())
	}
	for {
		m, err := awaitMagic(ctx, seg, h)
		if err != nil {
			return nil, err
		}
		if m != magic {
			return nil, foreign(seg, "it begins with %#08x", m)
		}
		g, err := openFilled(ctx, ownedBy, seg, mapping, h)
		if !errors.Is(err, sysv.ErrRemoved) || h.magic.Load() != 0 {
			return g, err
		}
		// Somebody is about to remove the segment too.
	}
}

// openFilled checks what is in a segment, and joins.
func openFilled(ctx context.Context, ownedBy *uint32, seg *shm.Segment, mapping *shm.Mapping, h *header) (*Group, error) {
	if h.version != version {
		return nil, foreign(seg, "version %d, this is for version %d", h.version, version)
	}
	mem, err := view(mapping, int(h.locks), int(h.slots))
	if err != nil {
		return nil, foreign(seg, "%v", err)
	}
	set, err := sem.OpenID(int(h.set))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: sysv.ErrRemoved,
			Hint: fmt.Sprintf("its set %d is gone: ipcrm -m %d removes the rest", h.set, seg.ID())}
	}
	if err != nil {
		return nil, err
	}
	if want := semaphores(len(mem.cells), len(mem.generations)); set.Len() != want || set.Key() != seg.Key() {
		return nil, foreign(seg, "set %d has %d semaphores and key %v, not %d and %v", set.ID(), set.Len(), set.Key(), want, seg.Key())
	}
	if ownedBy != nil {
		st, err := set.Stat()
		if err != nil {
			return nil, err
		}
		if st.Perm.UID != *ownedBy || st.Perm.CUID != *ownedBy {
			return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EACCES,
				Hint: fmt.Sprintf("its set %d was created by uid %d and is owned by uid %d, not by uid %d as asked", set.ID(), st.Perm.CUID, st.Perm.UID, *ownedBy)}
		}
	}
	return enter(ctx, seg, mapping, mem, set)
}

func foreign(seg *shm.Segment, format string, args ...any) error {
	return &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EINVAL,
		Hint: "no group of mutexes: " + fmt.Sprintf(format, args...)}
}

// awaitMagic waits until a segment has been filled. There is nothing to sleep
// on: the creator may be dead.
func awaitMagic(ctx context.Context, seg *shm.Segment, h *header) (uint32, error) {
	const longest = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, longest) {
		if m := h.magic.Load(); m != 0 {
			return m, nil
		}
		if st, err := seg.Stat(); err != nil || st.Dest {
			return 0, errors.Join(sysv.ErrRemoved, err)
		}
		select {
		case <-ctx.Done():
			return 0, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(),
				Err:  fmt.Errorf("%w: %w", sysv.ErrNotInitialized, ctx.Err()),
				Hint: fmt.Sprintf("its creator may have died: ipcrm -m %d -S %v removes what it left", seg.ID(), seg.Key())}
		case <-time.After(pause):
		}
	}
}
