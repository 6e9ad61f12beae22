package counting

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

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
