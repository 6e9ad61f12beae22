package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Config is how a group is created. Nil means the zero Config.
type Config struct {
	// Processes is how many can be members at once, 1 to 2047. 0 means 256, or
	// as many as a set has room for (SEMMSL, the 1st number of kernel.sem, which
	// is 250 on older systems).
	Processes int
	// Mode is the permission of the segment and the set: read and write for
	// whoever is to take part. 0 means 0o600. Bits outside 0o777 are an error,
	// and so is 0o601, which marks what is in the making.
	Mode fs.FileMode
	// OwnedBy, for OpenOrCreate, if not nil, is the user who must have created
	// and own the group; any other is refused with an error that is
	// [fs.ErrPermission]. Keys are not protected: whoever comes first can put
	// a group of his own where a program expects another's.
	OwnedBy *uint32

	// RWMutexes is how many of these the group has beside its mutexes, 0 to 4096. Each
	// takes 128 bytes for each of Processes, who so share nothing while they only read,
	// and 128 more: 33 KB where that is 256.
	RWMutexes int

	// Memory is how many bytes the segment has for what its locks guard, which
	// [Group.Memory] returns in every member: rounded up to a multiple of 128, at
	// which it also begins. 0 means none.
	Memory int
	// Format says what the memory holds, and in which version: at most 16 bytes,
	// of which the last is not 0. Who opens the group must name the same.
	Format string
	// Init, if not nil, fills the memory of a new group, all zeros, before anybody
	// else has it. Where it returns an error there is no group, and that is the
	// error; where the process dies in it neither.
	Init func(memory []byte) error

	// Ephemeral makes a group that ends with its last member: if he closes he removes
	// it. If he dies it stays, but nobody joins it any more: for Open and OpenID it
	// does not exist, and OpenOrCreate begins anew in it, with free mutexes and
	// the memory as Init fills it, and says that it created.
	Ephemeral bool
}

const (
	defaultProcesses = 256

	// operations is how many one call of semop(2) must take.
	operations = 2
)

// Create makes a group of n mutexes, 0 to 4096, and Config.RWMutexes, at least one of
// either, all free, and joins it, unless ctx ends before that is done. If there
// is a segment with the key already, or a set that is not a group's, the error is
// [fs.ErrExist]. With [sysv.Private] it always makes another group, which is
// reached by its id.
//
// Nobody sees the group before it is whole. What a killed creator or remover
// left under the key is removed, as [OpenOrCreate] says. Other errors are those
// of shm.OpenOrInit and sem.Create, and E2BIG where one call takes fewer than 2
// operations (SEMOPM).
func Create(ctx context.Context, key sysv.Key, n int, cfg *Config) (*Group, error) {
	c, err := cfg.check(key, n)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g, _, err := create(ctx, key, n, c)
	return g, err
}

// check returns the Config with what it leaves open, if a group of n can be made
// with it.
func (cfg *Config) check(key sysv.Key, n int) (Config, error) {
	c := Config{}
	if cfg != nil {
		c = *cfg
	}
	if n < 0 || n > maxLocks || n == 0 && c.RWMutexes == 0 {
		return c, invalid(key, fmt.Sprintf("a group has 1 to %d mutexes, not %d, or RWMutexes", maxLocks, n))
	}
	if c.RWMutexes < 0 || c.RWMutexes > maxLocks {
		return c, invalid(key, fmt.Sprintf("a group has 0 to %d RWMutexes, not %d", maxLocks, c.RWMutexes))
	}
	if c.Processes < 0 || c.Processes > maxSlots {
		return c, invalid(key, fmt.Sprintf("a group is for 1 to %d processes, not %d", maxSlots, c.Processes))
	}
	if c.Memory < 0 || c.Memory > maxMemory {
		return c, invalid(key, fmt.Sprintf("a group has 0 to %d bytes of memory, not %d", maxMemory, c.Memory))
	}
	if !validFormat(c.Format) {
		return c, invalid(key, badFormat(c.Format))
	}
	if c.Processes == 0 {
		c.Processes = defaultProcesses
		if l, err := sem.Limits(); err == nil {
			c.Processes = max(1, min(c.Processes, l.SemMSL-semaphores(n+c.RWMutexes, 0)))
		}
	}
	return c, nil
}

func validFormat(s string) bool { return formatOf(s).String() == s }

func badFormat(s string) string {
	return fmt.Sprintf("a format has at most %d bytes, of which the last is not 0: not %q", unsafe.Sizeof(format{}), s)
}

// shape is that of a group of n mutexes.
func (c Config) shape(n int) shape {
	return shape{locks: n, shared: c.RWMutexes, slots: c.Processes, lines: (c.Memory + line - 1) / line}
}

// create makes a group where the key has no segment, and tells whether it has.
func create(ctx context.Context, key sysv.Key, n int, c Config) (g *Group, exists bool, err error) {
	if err := enoughOperations(key); err != nil {
		return nil, false, err
	}
	if key == sysv.Private {
		g, err = createPrivate(ctx, n, c, nil)
		return g, false, err
	}
	for {
		if seg, err := shm.Open(key, nil); err == nil {
			return nil, true, inUse(seg)
		}
		g = nil
		mapping, created, err := shm.OpenOrInit(ctx, key, c.shape(n).size(), &shm.Config{Mode: c.Mode}, func(m *shm.Mapping) (err error) {
			g, err = found(ctx, m, n, c)
			return err
		})
		if created {
			at(published)
			return g, false, nil
		}
		if err == nil {
			err = mapping.Detach()
		}
		if g != nil { // it was whole, but this process had been taken for dead
			err = errors.Join(err, unlessRemoved(g.removeSet()))
		}
		// Whoever takes the set away meanwhile has it made anew.
		if err != nil && !errors.Is(err, errTakenForDead) && !errors.Is(err, sysv.ErrRemoved) {
			if seg, opened := shm.Open(key, nil); opened == nil {
				return nil, true, inUse(seg)
			}
			return nil, false, err
		}
	}
}

func enoughOperations(key sysv.Key) error {
	if l, err := sem.Limits(); err == nil && l.SemOPM < operations {
		return &sysv.Error{Op: "lock", Key: key, ID: -1, Err: syscall.E2BIG,
			Hint: fmt.Sprintf("a lock needs %d operations in one call, %d at most (SEMOPM, 3rd number of kernel.sem)", operations, l.SemOPM)}
	}
	return nil
}

// createPrivate makes a group that nobody can find before it is whole. hide, if not
// nil, has its segment go with the last who has it attached.
func createPrivate(ctx context.Context, n int, c Config, hide func(*shm.Segment) error) (g *Group, err error) {
	seg, err := shm.Create(sysv.Private, c.shape(n).size(), &shm.Config{Mode: c.Mode})
	if err != nil {
		return nil, err
	}
	defer func() { // Init may panic
		if g == nil {
			err = errors.Join(err, unlessRemoved(seg.Remove()))
		}
	}()
	mapping, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if g == nil {
			err = errors.Join(err, mapping.Detach())
		}
	}()
	if hide == nil {
		return found(ctx, mapping, n, c)
	}
	if err := hide(seg); err != nil {
		return nil, err
	}
	if g, err = found(ctx, mapping, n, c); err == nil {
		g.ends = unseen // which nobody else has seen yet
	}
	return g, err
}

func inUse(seg *shm.Segment) error {
	return &sysv.Error{Op: "lock", Key: seg.Key(), ID: seg.ID(), Err: syscall.EEXIST}
}

// found makes a group of a new segment, and joins it. There is no set, or none
// any more, if it fails.
func found(ctx context.Context, mapping *shm.Mapping, n int, c Config) (*Group, error) {
	at(segmentMade)
	shape := c.shape(n)
	mem, err := view(mapping, shape)
	if err == nil && c.Init != nil {
		err = c.Init(mem.guarded)
	}
	if err != nil {
		return nil, err
	}
	seg := mapping.Segment()
	set, err := makeSet(ctx, seg, n, c)
	if err != nil {
		return nil, err
	}
	at(setMade)
	*mem.header = header{magic: magic, set: uint32(set.ID()), version: version,
		locks: uint32(n), shared: uint32(shape.shared), slots: uint32(shape.slots), lines: uint32(shape.lines), format: formatOf(c.Format),
		segment: uint32(seg.ID()), key: uint32(seg.Key())}
	if c.Ephemeral {
		mem.header.ends = ephemeral
	}
	at(headerWritten)
	g, err := enter(ctx, mapping, mem, set, justMade)
	if err != nil {
		return nil, errors.Join(err, unlessRemoved(set.Remove()))
	}
	return g, nil
}

// makeSet makes the set of a new segment, under the same key.
func makeSet(ctx context.Context, seg *shm.Segment, n int, c Config) (*sem.Set, error) {
	values := make([]int, semaphores(c.shape(n).cells(), c.Processes))
	values[doorAt] = 1
	s := signature(seg.ID())
	copy(values[signedAt:], s[:])
	cfg := &sem.Config{Mode: c.Mode}
	for {
		set, err := sem.Create(seg.Key(), values, cfg)
		if err == nil || !errors.Is(err, fs.ErrExist) && !errors.Is(err, sysv.ErrRemoved) {
			return set, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		old, mode, err := setOf(seg.Key())
		if err != nil {
			return nil, err
		}
		if old == nil {
			continue
		}
		err = replaceSet(seg, old)
		if errors.Is(err, errStrange) && mode == object.Making {
			// Its creator died before it gave the values, or is no lock: package
			// sem knows when.
			set, created, err := sem.OpenOrCreate(ctx, seg.Key(), values, cfg)
			if created || err != nil {
				return set, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
	}
}

// setOf returns the set with a key, whatever has become of it, or nil.
func setOf(key sysv.Key) (*sem.Set, fs.FileMode, error) {
	list, err := sem.List()
	if err != nil {
		return nil, 0, err
	}
	for _, st := range list {
		if st.Key == key {
			set, err := sem.OpenID(st.ID)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			return set, st.Mode, err
		}
	}
	return nil, 0, nil
}

// errStrange says that a set is not a group's.
var errStrange = fmt.Errorf("a set has the key that is no group's: %w", syscall.EEXIST)

// errTakenForDead says that others have the key by now, and that this process
// must look what they made of it.
var errTakenForDead = errors.New("taken for dead as a creator")

// replaceSet removes a group's set whose segment is gone, for a new one. The
// order matters: the set was found first, and then its key was still this
// segment's, so that it is not the set of somebody who has the key now.
func replaceSet(seg *shm.Segment, old *sem.Set) error {
	values, err := old.Values()
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	if err != nil {
		return err
	}
	segment, ok := signedBy(values)
	if !ok {
		return &sysv.Error{Op: "lock", Key: seg.Key(), ID: old.ID(), Err: errStrange,
			Hint: fmt.Sprintf("set %d: a group takes its key for a segment and a set", old.ID())}
	}
	st, err := seg.Stat()
	if err != nil {
		return err
	}
	if st.Dest {
		return errTakenForDead
	}
	if segment != seg.ID() {
		if err := poisonOld(segment, seg.Key(), old); err != nil {
			return err
		}
	}
	at(oldPoisoned)
	err = old.Remove()
	at(oldRemoved)
	return unlessRemoved(err)
}

// poisonOld poisons what is left of a group's segment, by its id, if that is
// still the one.
func poisonOld(segment int, key sysv.Key, set *sem.Set) error {
	seg, err := shm.OpenID(segment)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, sysv.ErrNotInitialized) {
		return nil
	}
	if err != nil {
		return err
	}
	mapping, err := seg.Attach(nil)
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	if err != nil {
		return err
	}
	if mem, err := whole(mapping, key); err == nil && mem.set == uint32(set.ID()) {
		mem.poison()
	}
	return mapping.Detach()
}
