package counting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// The segment begins with a header and goes on with one slot for each process
// that counts. Everything is of fixed size, so that 32-bit and 64-bit programs
// agree, and what one process reads while another writes it has 32 bits.
const (
	boardVersion = 2
	maxJoiners   = 16
)

var boardMagic = [8]byte{'i', 'p', 'c', 'd', 'e', 'm', 'o'}

type header struct {
	Magic       [8]byte
	Version     uint32
	Size        uint32 // of header and slots, in bytes
	Children    uint32 // slots of children; those of joiners follow
	Locking     uint32 // a locking
	Phase       atomic.Uint32
	Counter     atomic.Uint32 // what all of them increment
	LockSegment uint32        // ids of a fast lock's group
	LockSet     uint32
	Takeovers   atomic.Uint32 // of a fast lock, from dead owners
	_           [20]byte
}

// Phases of a run.
const (
	unfinished = iota // not yet a board
	gathering         // joiners are welcome
	counting          // they still are
	closed            // the sum is being made
	kept              // and the objects were left behind on purpose
)

// Steps of the critical section.
const (
	outside = children.Outside + iota
	locked
	between
	both
)

var stepNames = [...]string{
	outside: "outside of its critical section",
	locked:  "holding the lock, before its two increments",
	between: "between its two increments",
	both:    "after both increments, before unlocking",
}

// The semaphores of the set.
const (
	semLock    = iota // 1: guards the counters
	semReady          // children that have not attached yet
	semGate           // 1 until counting may begin
	semDoor           // 1: guards Phase and the slots of joiners
	semJoiners        // joiners that count, each undone if it dies
	semParent         // 1 while the parent lives, by undo
	semCount
)

// board is a segment and a set as one process of a run sees them. A fast lock
// has a segment and a set of its own, without a key: the header has their ids.
type board struct {
	seg     *shm.Segment
	set     *sem.Set
	mapping *shm.Mapping
	*header
	slots []children.Slot

	lockSeg *shm.Segment // nil without a fast lock
	lockSet *sem.Set
	group   *lock.Group // nil for those who don't count
}

func boardSize(n int) int {
	return int(unsafe.Sizeof(header{})) + (n+maxJoiners)*int(unsafe.Sizeof(children.Slot{}))
}

// createBoard makes both objects exclusively, under the same key, and then those
// of a fast lock.
func createBoard(key sysv.Key, n int, how locking) (*board, error) {
	seg, err := shm.Create(key, boardSize(n), nil)
	if err != nil {
		return nil, err
	}
	b := &board{seg: seg}
	if err := b.setUp(n, how); err != nil {
		return nil, errors.Join(err, b.remove())
	}
	return b, nil
}

func (b *board) setUp(n int, how locking) (err error) {
	values := make([]int, semCount)
	values[semLock], values[semGate], values[semDoor] = 1, 1, 1
	values[semReady] = n
	if b.set, err = sem.Create(b.seg.Key(), values, nil); err != nil {
		return err
	}
	if err := b.attach(); err != nil {
		return err
	}
	if how == lockFast {
		if err := b.createLock(n); err != nil {
			return err
		}
	}
	b.Magic, b.Version, b.Size = boardMagic, boardVersion, uint32(boardSize(n))
	b.Children, b.Locking = uint32(n), uint32(how)
	if err := b.lay(n); err != nil {
		return err
	}
	if err := b.set.Do(context.Background(), sem.Op{Num: semParent, Delta: +1, Flags: sem.Undo}); err != nil {
		return err
	}
	b.Phase.Store(gathering) // last: from here on it is a board
	return nil
}

// createLock makes the group of a fast lock, with room for all who may count and
// for the parent, who makes up the account.
func (b *board) createLock(n int) (err error) {
	b.group, err = lock.Create(context.Background(), sysv.Private, 1, &lock.Config{Processes: n + maxJoiners + 1})
	if err != nil {
		return err
	}
	stat, err := b.group.Stat()
	if err != nil {
		return err
	}
	if b.lockSeg, err = shm.OpenID(stat.SegmentID); err != nil {
		return err
	}
	if b.lockSet, err = sem.OpenID(stat.SetID); err != nil {
		return err
	}
	b.LockSegment, b.LockSet = uint32(stat.SegmentID), uint32(stat.SetID)
	return nil
}

// openLock finds the objects of a fast lock, those that there are. The header
// might name anybody's: they must be of whoever created the run.
func (b *board) openLock() error {
	if locking(b.Locking) != lockFast {
		return nil
	}
	run, err := b.seg.Stat()
	if err != nil {
		return err
	}
	seg, errSeg := shm.OpenID(int(b.LockSegment))
	if errSeg == nil {
		stat, err := statUnlessRemoved(seg)
		if errSeg = sameCreator(run.Perm, stat.Perm, err); errSeg == nil {
			b.lockSeg = seg
		}
	}
	set, errSet := sem.OpenID(int(b.LockSet))
	if errSet == nil {
		stat, err := set.Stat()
		if errSet = sameCreator(run.Perm, stat.Perm, err); errSet == nil {
			b.lockSet = set
		}
	}
	if errSeg != nil {
		return errSeg
	}
	return errSet
}

func sameCreator(run, object sysv.Perm, err error) error {
	if err == nil && object.CUID != run.CUID {
		err = fmt.Errorf("the run was created by uid %d, what it calls its lock by uid %d", run.CUID, object.CUID)
	}
	return err
}

// enter makes this process one that can lock and count.
func (b *board) enter(ctx context.Context) (err error) {
	if b.lockSeg != nil {
		b.group, err = lock.OpenID(ctx, b.lockSeg.ID(), nil)
	}
	return err
}

// leave ends what enter and openBoard began.
func (b *board) leave() error {
	var err error
	if b.group != nil {
		err = b.group.Close()
	}
	return errors.Join(err, b.mapping.Detach())
}

// openBoard attaches to a run, once it is sure that it is one.
func openBoard(ctx context.Context, key sysv.Key) (*board, error) {
	b, err := mapBoard(key)
	if err != nil {
		return nil, err
	}
	err = b.openSet(ctx)
	if err == nil {
		if lost := b.openLock(); lost != nil {
			err = fmt.Errorf("the run's lock can't be used: %v", lost) // not that there is no run
		}
	}
	if err != nil {
		b.mapping.Detach()
		return nil, err
	}
	return b, nil
}

// mapBoard attaches the segment of a run.
func mapBoard(key sysv.Key) (*board, error) {
	seg, err := shm.Open(key, nil)
	if err != nil {
		return nil, err
	}
	b := &board{seg: seg}
	if err := b.attach(); err != nil {
		return nil, err
	}
	n, err := b.check()
	if err == nil {
		err = b.lay(n)
	}
	if err != nil {
		b.mapping.Detach()
		return nil, err
	}
	return b, nil
}

func (b *board) openSet(ctx context.Context) (err error) {
	b.set, err = sem.Open(ctx, b.seg.Key(), nil)
	if err == nil && b.set.Len() != semCount {
		err = fmt.Errorf("set %d has %d semaphores, a run of ipcdemo has %d", b.set.ID(), b.set.Len(), semCount)
	}
	return err
}

// attach maps the header, which every segment is large enough for that is a
// board at all.
func (b *board) attach() (err error) {
	if b.mapping, err = b.seg.Attach(nil); err != nil {
		return err
	}
	if b.header, err = shm.View[header](b.mapping, 0); err != nil {
		return errors.Join(notOurs(b.seg), b.mapping.Detach())
	}
	return nil
}

// check refuses what is not a board of this version and layout, and returns the
// number of children of what is. Whoever may write the segment may change it
// afterwards: what memory depends on is read once.
func (b *board) check() (int, error) {
	n, size := b.Children, b.Size
	switch {
	case b.untouched():
		return 0, errUnfinished
	case b.Phase.Load() == unfinished, b.Magic != boardMagic:
		return 0, notOurs(b.seg)
	case b.Version != boardVersion:
		return 0, fmt.Errorf("segment %d is of version %d of ipcdemo's layout, this program knows %d", b.seg.ID(), b.Version, boardVersion)
	case n < 1 || n > children.Max, int(size) != boardSize(int(n)), b.seg.Size() < int(size):
		return 0, fmt.Errorf("segment %d has another layout: %d bytes for %d children", b.seg.ID(), size, n)
	}
	return int(n), nil
}

// lay maps the slots.
func (b *board) lay(n int) (err error) {
	b.slots, err = shm.Slice[children.Slot](b.mapping, int(unsafe.Sizeof(header{})), n+maxJoiners)
	return err
}

// errUnfinished is what a segment looks like before its run has written into
// it, or if that was killed before.
var errUnfinished = errors.New("the run has not been set up yet")

// untouched tells whether the segment has the size of a board and nothing in it.
// A larger one is not looked through: every page that is read gets memory.
func (b *board) untouched() bool {
	slots := b.seg.Size() - boardSize(0)
	return slots > 0 && b.seg.Size() <= boardSize(children.Max) && slots%int(unsafe.Sizeof(children.Slot{})) == 0 &&
		!slices.ContainsFunc(b.mapping.Bytes(), func(v byte) bool { return v != 0 })
}

func notOurs(seg *shm.Segment) error {
	return fmt.Errorf("segment %d (key %v) is not of ipcdemo", seg.ID(), seg.Key())
}

// remove removes all objects, those that exist. Somebody else may have been
// faster: that is no error. The segment says which there are, and goes after
// those that have no key.
func (b *board) remove() (err error) {
	if b.group != nil {
		err = errors.Join(term.IgnoreRemoved(b.group.Remove()), b.group.Close())
	}
	err = errors.Join(err, term.IgnoreRemoved(b.seg.Remove()))
	if b.set != nil {
		err = errors.Join(err, term.IgnoreRemoved(b.set.Remove()))
	}
	if b.mapping != nil {
		err = errors.Join(err, b.mapping.Detach())
	}
	return err
}

// removed tells whether an object is gone, or on its way.
func (b *board) removed() error {
	err := removedOf(b.seg, b.set)
	if err == nil && b.lockSeg != nil {
		err = removedOf(b.lockSeg, b.lockSet)
	}
	return term.ExplainRemoved(err)
}

func removedOf(seg *shm.Segment, set *sem.Set) error {
	_, err := statUnlessRemoved(seg)
	if err == nil {
		_, err = set.Stat()
	}
	return err
}

// statUnlessRemoved is Stat that fails for a segment, too, which is removed and
// waits for its last detach.
func statUnlessRemoved(seg *shm.Segment) (shm.Stat, error) {
	stat, err := seg.Stat()
	if err == nil && stat.Dest {
		err = &sysv.Error{Op: "shmctl", ID: seg.ID(), Err: sysv.ErrRemoved}
	}
	return stat, err
}

// parentLives tells whether the process that started the run is alive: its
// increment is undone when it ends.
func (b *board) parentLives() (bool, error) {
	v, err := b.set.Value(semParent)
	return v > 0, err
}

// stands tells what keeps a run from going on: that an object has been removed from
// outside, or that the parent has died.
func (b *board) stands() error {
	if err := b.removed(); err != nil {
		return err
	}
	lives, err := b.parentLives()
	if err == nil && !lives {
		err = children.ErrParentGone
	}
	return err
}

// takenBy says whose a key is that was to be created.
func takenBy(key sysv.Key) string {
	const foreign = "another program uses it: choose another key"
	b, err := mapBoard(key)
	switch {
	case errors.Is(err, errUnfinished):
		return fmt.Sprintf("a run is being set up, or one was killed meanwhile; look: ipcs -m -s; remove: ipcrm -M %v", key)
	case errors.Is(err, fs.ErrNotExist) && isOurSet(key):
		return fmt.Sprintf("a run is being cleaned up, or one was killed meanwhile; look: ipcs -m -s; remove: ipcrm -S %v", key)
	case err != nil:
		return foreign
	}
	defer b.mapping.Detach()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err = b.openSet(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("a killed run left a segment there; remove it: ipcrm -M %v", key)
	}
	if err != nil {
		return foreign
	}
	if b.Phase.Load() == kept {
		return fmt.Sprintf("a run with --keep left its objects there; remove them: %s", b.ipcrm())
	}
	if lives, err := b.parentLives(); lives || err != nil {
		return fmt.Sprintf("a run is in progress; take part in it: ipcdemo join --key %v", key)
	}
	return b.killedHint()
}

// isOurSet tells whether a key names a set that looks like one of a run.
func isOurSet(key sysv.Key) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	set, err := sem.Open(ctx, key, nil)
	return err == nil && set.Len() == semCount
}

func (b *board) killedHint() string {
	return fmt.Sprintf("a killed run left its objects there; remove them: %s", b.ipcrm())
}

// ipcrm is the command that removes what there is of a run.
func (b *board) ipcrm() string {
	command := fmt.Sprintf("ipcrm -M %[1]v -S %[1]v", b.seg.Key())
	b.openLock() // fails where something is gone
	if b.lockSeg != nil {
		command += fmt.Sprintf(" -m %d", b.lockSeg.ID())
	}
	if b.lockSet != nil {
		command += fmt.Sprintf(" -s %d", b.lockSet.ID())
	}
	return command
}

// allReady waits until every child has attached.
func (b *board) allReady(ctx context.Context) error {
	return b.set.Do(ctx, sem.Op{Num: semReady})
}
