package counting

import (
	"errors"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

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
