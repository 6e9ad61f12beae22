package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Open finds the group with a key and joins it. If there is no segment with the
// key, the error is [fs.ErrNotExist].
//
// A group in the making is waited for, until ctx ends. Then the error is
// [sysv.ErrNotInitialized] as well as the context's. Where its creator is dead
// it is [sysv.ErrNotInitialized] after a bit more than a second: [OpenOrCreate]
// makes the group anew. Any segment that is not a group's is refused at once.
// Where the group's set is gone the error is [sysv.ErrRemoved], where all places
// are taken ENOSPC.
//
// Anybody may have made the group: where that matters, see Config.OwnedBy.
func Open(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Group, error) {
	c, err := cfg.check(key)
	if err != nil {
		return nil, err
	}
	return open(ctx, key, c, ended)
}

// OpenConfig is how a group is opened. Nil means the zero OpenConfig.
type OpenConfig struct {
	// OwnedBy is as in Config.
	OwnedBy *uint32
	// Format is what the group's memory must hold: Config.Format, as the group was
	// created with. Where it is another the error is EINVAL.
	Format string
}

func (cfg *OpenConfig) check(key sysv.Key) (OpenConfig, error) {
	if cfg == nil {
		return OpenConfig{}, nil
	}
	if !validFormat(cfg.Format) {
		return *cfg, invalid(key, badFormat(cfg.Format))
	}
	return *cfg, nil
}

// OpenID is Open for the id of a group's segment, as ipcs(1) prints it or as
// [Group.ID] says it in another process. For a removed group the error is
// [sysv.ErrRemoved] until its last member has closed, then [fs.ErrNotExist]. One
// in the making is not waited for.
func OpenID(ctx context.Context, id int, cfg *OpenConfig) (*Group, error) {
	c, err := cfg.check(sysv.Private)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seg, err := shm.OpenID(id)
	if err != nil {
		return nil, err
	}
	mapping, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	g, err := openMapped(ctx, mapping, c, ended)
	if err == nil {
		return g, nil
	}
	if isRemoved(seg) && !anonymous(mapping) {
		err = &sysv.Error{Op: "lock", Key: seg.Key(), ID: id, Err: sysv.ErrRemoved}
	}
	return nil, detach(mapping, err)
}

// OpenOrCreate finds the group with a key as Open does, or makes it as Create
// does, and says which. Of processes that call it at once exactly one is told
// that it created. Of cfg OwnedBy, Format, RWMutexes and Memory play a part where the
// group exists. If it has another number of mutexes than n, of RWMutexes or of bytes
// than that, the error is [sysv.ErrSize], and says both.
//
// What is left of a group is removed, by its id, and the group made anew: after
// a kill at any step of Create, Close or Remove, after ipcrm(1) of its segment or
// of its set alone, and where kernel.shm_rmid_forced has removed the segment with
// the last member. Members of the old group get [sysv.ErrRemoved] from then on,
// but for who has a mutex, who keeps it until he unlocks. Only what is a group's
// in every respect is removed. To remove it takes the same user, or root; others
// get [fs.ErrPermission].
func OpenOrCreate(ctx context.Context, key sysv.Key, n int, cfg *Config) (g *Group, created bool, err error) {
	c, err := cfg.check(key, n)
	if err != nil {
		return nil, false, err
	}
	if key == sysv.Private {
		return nil, false, invalid(key, "key 0 is IPC_PRIVATE, which names no existing group: create one, or open it by id")
	}
	for {
		created = false
		g, err := open(ctx, key, OpenConfig{OwnedBy: c.OwnedBy, Format: c.Format}, c.anew(n, func() { created = true }))
		if err == nil {
			if have, want := g.shape(), c.shape(n); have.locks != want.locks || have.shared != want.shared || have.lines != want.lines {
				err = &sysv.Error{Op: "lock", Key: key, ID: g.ID(), Err: sysv.ErrSize,
					Hint: fmt.Sprintf("%v, %v are asked for", have, want)}
				return nil, false, errors.Join(err, g.Close())
			}
			return g, created, nil
		}
		if errors.Is(err, sysv.ErrRemoved) {
			if err := removeRest(key); err != nil {
				return nil, false, err
			}
			continue
		}
		// Who waited in vain is told so in the error, perhaps before ctx says it.
		dead := errors.Is(err, sysv.ErrNotInitialized) && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		if !dead && !errors.Is(err, fs.ErrNotExist) {
			return nil, false, err
		}
		g, exists, err := create(ctx, key, n, c)
		if !exists {
			return g, err == nil, err
		}
	}
}

// open makes this process a member of the group with a key. One that is removed
// meanwhile makes room for another.
func open(ctx context.Context, key sysv.Key, c OpenConfig, renew renewal) (*Group, error) {
	for {
		mapping, err := shm.OpenFilled(ctx, key, &shm.OpenConfig{OwnedBy: c.OwnedBy})
		if err != nil {
			return nil, err
		}
		g, err := openMapped(ctx, mapping, c, renew)
		if err == nil {
			return g, nil
		}
		again := isRemoved(mapping.Segment())
		if err := detach(mapping, err); !again {
			return nil, err
		}
	}
}

func detach(mapping *shm.Mapping, err error) error {
	if failed := mapping.Detach(); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// anonymous tells whether what is in a segment is a group whose segment is marked for
// removal from the beginning.
func anonymous(mapping *shm.Mapping) bool {
	mem, err := whole(mapping, mapping.Segment().Key())
	return err == nil && mem.ends == unseen
}

// isRemoved tells whether a segment has lost its key.
func isRemoved(seg *shm.Segment) bool {
	st, err := seg.Stat()
	return err == nil && st.Dest || errors.Is(err, sysv.ErrRemoved)
}

// openMapped checks what is in a segment, and joins.
func openMapped(ctx context.Context, mapping *shm.Mapping, c OpenConfig, renew renewal) (*Group, error) {
	seg := mapping.Segment()
	mem, err := whole(mapping, seg.Key())
	if err != nil {
		return nil, err
	}
	if holds := mem.format; holds != formatOf(c.Format) {
		return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EINVAL,
			Hint: fmt.Sprintf("its memory holds %q, not %q as asked (Format)", holds, c.Format)}
	}
	set, err := mem.openSet(seg)
	if err != nil {
		return nil, err
	}
	if c.OwnedBy != nil {
		st, err := set.Stat()
		if err != nil {
			return nil, err
		}
		if st.Perm.UID != *c.OwnedBy || st.Perm.CUID != *c.OwnedBy {
			return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EACCES,
				Hint: fmt.Sprintf("its set %d was created by uid %d and is owned by uid %d, not by uid %d as asked", set.ID(), st.Perm.CUID, st.Perm.UID, *c.OwnedBy)}
		}
	}
	return enter(ctx, mapping, mem, set, renew)
}

// whole returns what is in a segment if it is a group's in every respect. Nothing
// is believed that does not fit, and nothing but that makes it one.
func whole(mapping *shm.Mapping, key sysv.Key) (mem memory, err error) {
	seg := mapping.Segment()
	if mapping.Len() < int(unsafe.Sizeof(header{})) {
		return mem, foreign(seg, "a segment of %d bytes", mapping.Len())
	}
	shared, err := shm.View[header](mapping, 0)
	if err != nil {
		return mem, err
	}
	h := *shared
	switch {
	case h.magic != magic:
		return mem, foreign(seg, "it begins with %#08x", h.magic)
	case h.version != version:
		return mem, foreign(seg, "version %d, this is for version %d", h.version, version)
	case h.segment != uint32(seg.ID()):
		return mem, foreign(seg, "it says that it is segment %d", h.segment)
	case h.key != uint32(key):
		return mem, foreign(seg, "it says that its key is %v", sysv.Key(h.key))
	}
	mem, err = view(mapping, shape{int(h.locks), int(h.shared), int(h.slots), int(h.lines)})
	if err != nil {
		return mem, foreign(seg, "%v", err)
	}
	return mem, nil
}

// errSetGone says that a segment is a group's, but that its set is gone.
var errSetGone = fmt.Errorf("its set is gone: %w", sysv.ErrRemoved)

// openSet returns the set that belongs to a segment. Where the id is another's
// set the group's is gone, or else the key would name it.
func (mem memory) openSet(seg *shm.Segment) (*sem.Set, error) {
	id := int(mem.set)
	set, err := sem.OpenID(id)
	if err == nil {
		var ok bool
		if ok, err = mem.owns(set, seg); ok {
			return set, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, sysv.ErrRemoved) {
		return nil, err
	}
	if seg.Key() != sysv.Private {
		set, _, err := setOf(seg.Key())
		if err != nil {
			return nil, err
		}
		if set != nil {
			ok, err := mem.owns(set, seg)
			if err != nil && !errors.Is(err, sysv.ErrRemoved) {
				return nil, err
			}
			if ok {
				return nil, foreign(seg, "it says that its set is %d, which is %d", id, set.ID())
			}
		}
	}
	return nil, &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: errSetGone,
		Hint: fmt.Sprintf("set %d: OpenOrCreate makes the group anew", id)}
}

// owns tells whether a set is that of a segment.
func (mem memory) owns(set *sem.Set, seg *shm.Segment) (bool, error) {
	if set.Key() != seg.Key() || set.Len() != semaphores(len(mem.cells), len(mem.generations)) {
		return false, nil
	}
	values, err := set.Values()
	segment, ok := signedBy(values)
	return ok && segment == seg.ID(), err
}

// removeRest removes the segment of a group whose set is gone. Its members are
// told first: nobody else could.
func removeRest(key sysv.Key) error {
	seg, err := shm.Open(key, nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, sysv.ErrNotInitialized) {
		return nil
	}
	if err != nil {
		return err
	}
	mapping, err := seg.Attach(nil)
	if err != nil {
		return unlessRemoved(err)
	}
	defer mapping.Detach()
	mem, err := whole(mapping, key)
	if err != nil {
		return err
	}
	if _, err := mem.openSet(seg); !errors.Is(err, errSetGone) {
		return err // nil where another has been faster
	}
	mem.poison()
	at(oldPoisoned)
	err = seg.Remove()
	at(oldRemoved)
	return unlessRemoved(err)
}

func foreign(seg *shm.Segment, format string, args ...any) error {
	return &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EINVAL,
		Hint: "no group of mutexes: segment " + fmt.Sprintf("%d: ", seg.ID()) + fmt.Sprintf(format, args...)}
}
