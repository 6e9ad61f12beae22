package counting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

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
