package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// A Group is this process's membership in a group of mutexes: a slot among its
// processes. It lasts until Close or the end of the process, and survives exec.
// A second Group for one key, in the same process, is a member of its own.
//
// All methods can be called by several goroutines at once, but for Close.
type Group struct {
	memory
	seg     *shm.Segment
	mapping *shm.Mapping
	set     *sem.Set
	mutexes []Mutex

	slot int
	me   uint32 // the word of a mutex that this process has

	mu     sync.Mutex // held to arm and to close
	closed bool
}

// Config is how a group is created. Nil means the zero Config.
type Config struct {
	// Processes is how many can be members at once, 1 to 2047. 0 means 256.
	Processes int
	// Mode is the permission of the segment and the set: read and write for
	// whoever is to take part. 0 means 0o600. Bits outside 0o777 are an error.
	Mode fs.FileMode
	// OwnedBy, for OpenOrCreate, if not nil, is the user who must have created
	// and own the group; any other is refused with an error that is
	// [fs.ErrPermission]. Keys are not protected: whoever comes first can put
	// a group of his own where a program expects another's.
	OwnedBy *uint32
}

const defaultProcesses = 256

// Create makes a group of n mutexes, 1 to 4096, all free, and joins it. If there
// is a segment or a set with the key already, the error is [fs.ErrExist]. With
// [sysv.Private] it always makes another group, which is reached by its id.
//
// A process that is killed half-way leaves a segment that Open and OpenOrCreate
// take for a group in the making; it must be removed by hand. Other errors are
// those of shm.Create and sem.Create, and [sysv.ErrRemoved] where somebody has
// found the group and removed it before Create returns.
func Create(key sysv.Key, n int, cfg *Config) (*Group, error) {
	g, _, err := create(key, n, cfg)
	return g, err
}

// create also tells whether it failed because the key has a segment.
func create(key sysv.Key, n int, cfg *Config) (g *Group, exists bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	slots := cfg.Processes
	if slots == 0 {
		slots = defaultProcesses
	}
	if n < 1 || n > maxLocks {
		return nil, false, invalid(key, fmt.Sprintf("a group has 1 to %d mutexes, not %d", maxLocks, n))
	}
	if slots < 1 || slots > maxSlots {
		return nil, false, invalid(key, fmt.Sprintf("a group is for 1 to %d processes, not %d", maxSlots, slots))
	}
	seg, err := shm.Create(key, segmentSize(n, slots), &shm.Config{Mode: cfg.Mode})
	if err != nil {
		return nil, errors.Is(err, fs.ErrExist), err
	}
	at(segmentMade)
	values := make([]int, semaphores(n, slots))
	values[joining] = 1
	set, err := sem.Create(key, values, &sem.Config{Mode: cfg.Mode})
	if err != nil {
		return nil, false, errors.Join(err, seg.Remove())
	}
	at(setMade)
	g, err = found(seg, set, n, slots)
	if err != nil {
		return nil, false, errors.Join(err, unlessRemoved(set.Remove()), unlessRemoved(seg.Remove()))
	}
	return g, false, nil
}

// found makes a group of a new segment and a new set.
func found(seg *shm.Segment, set *sem.Set, n, slots int) (*Group, error) {
	mapping, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	mem, err := view(mapping, n, slots)
	if err != nil {
		return nil, errors.Join(err, mapping.Detach())
	}
	mem.version, mem.locks, mem.slots, mem.set = version, uint32(n), uint32(slots), uint32(set.ID())
	mem.magic.Store(magic)
	at(headerWritten)
	g, err := enter(context.Background(), seg, mapping, mem, set)
	if err != nil {
		return nil, errors.Join(err, mapping.Detach())
	}
	return g, nil
}

// enter makes this process a member.
func enter(ctx context.Context, seg *shm.Segment, mapping *shm.Mapping, mem memory, set *sem.Set) (*Group, error) {
	g := &Group{memory: mem, seg: seg, mapping: mapping, set: set, mutexes: make([]Mutex, len(mem.cells))}
	for i := range g.mutexes {
		g.mutexes[i].init(g, i, &g.cells[i])
	}
	if err := g.join(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Mutex returns the mutex i of the group, 0 to Len-1: the same one each time.
// Every method of any other fails.
func (g *Group) Mutex(i int) *Mutex {
	if i < 0 || i >= len(g.mutexes) {
		none := new(Mutex)
		none.init(g, i, new(cell))
		return none
	}
	return &g.mutexes[i]
}

// Len returns how many mutexes the group has, which never changes.
func (g *Group) Len() int { return len(g.mutexes) }

// ID returns the id of the group's segment, 0 or more, by which [OpenID] finds
// the group.
func (g *Group) ID() int { return g.seg.ID() }

// Key returns the group's key.
func (g *Group) Key() sysv.Key { return g.seg.Key() }

// ErrInUse says that Close came while this process held a mutex of the group or
// waited for one.
var ErrInUse = errors.New("mutex is held or awaited by this process")

// Close ends the membership: the slot is free for another process, and nothing
// of the group is left in this one. The group itself stays. Where this process
// holds a mutex or waits for one the error is [ErrInUse], and nothing has
// changed. To close again does nothing; Remove still works; everything else that
// can fail gives [os.ErrClosed].
//
// No other call on the group or its mutexes may begin while Close runs: it could
// touch memory that is there no more, which ends the program. A process need not
// close: its end does the same, and gives back what it held, as abandoned.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	var armedMutexes []int
	for i := range g.mutexes {
		if g.mutexes[i].me.Swap(nobody) != nobody {
			armedMutexes = append(armedMutexes, i)
		}
	}
	for _, i := range armedMutexes {
		m := &g.mutexes[i]
		if m.word.Load()&^waiters == g.me || !m.turn.Idle() {
			for _, i := range armedMutexes {
				g.mutexes[i].me.Store(g.me)
			}
			return m.error(ErrInUse)
		}
	}
	g.closed = true
	gone := new(cell) // for Unlock, which looks before it asks
	for i := range g.mutexes {
		g.mutexes[i].cell, g.mutexes[i].word = gone, &gone.word
	}
	// With the set is gone what there was to give back.
	err := errors.Join(unlessRemoved(g.leave(armedMutexes)), g.mapping.Detach())
	at(left)
	return err
}

// Remove removes the group, its set and its segment, for everybody: whoever
// waits is woken with [sysv.ErrRemoved]. Members must still Close. Only the
// owner, the creator or CAP_SYS_ADMIN may: others get [fs.ErrPermission], and
// nothing has changed. To remove again is [sysv.ErrRemoved].
//
// A process that is killed half-way leaves the segment, and perhaps the set, and
// to Open a group in the making. Another member can Remove what there is: where
// one of the two was gone the error is [sysv.ErrRemoved] all the same.
func (g *Group) Remove() error {
	// Whoever opens it now waits until the key is free.
	mapping, err := g.seg.Attach(nil)
	if errors.Is(err, sysv.ErrRemoved) {
		return errors.Join(err, unlessRemoved(g.set.Remove()))
	}
	if err != nil {
		return err
	}
	defer mapping.Detach()
	mem, err := view(mapping, len(g.cells), len(g.generations))
	if err != nil {
		return err
	}
	mem.magic.Store(0)
	at(headerCleared)
	err = g.set.Remove()
	if err != nil && !errors.Is(err, sysv.ErrRemoved) {
		mem.magic.Store(magic)
		return err
	}
	at(setRemoved)
	mem.poison()
	err = errors.Join(err, g.seg.Remove())
	at(segmentRemoved)
	return err
}

func unlessRemoved(err error) error {
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	return err
}

func invalid(key sysv.Key, reason string) error {
	return &sysv.Error{Op: "lock", Key: key, ID: -1, Err: syscall.EINVAL, Hint: reason}
}
