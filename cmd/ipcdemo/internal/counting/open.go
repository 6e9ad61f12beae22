package counting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

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
