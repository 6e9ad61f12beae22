package counting

import (
	"context"
	"errors"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
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

// leave ends what enter and openBoard began.
func (b *board) leave() error {
	var err error
	if b.group != nil {
		err = b.group.Close()
	}
	return errors.Join(err, b.mapping.Detach())
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

// lay maps the slots.
func (b *board) lay(n int) (err error) {
	b.slots, err = shm.Slice[children.Slot](b.mapping, int(unsafe.Sizeof(header{})), n+maxJoiners)
	return err
}
