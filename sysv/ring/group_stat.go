package ring

import (
	"fmt"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// GroupStat is what a Queue, a Feed and a Latest have in common.
type GroupStat struct {
	// Key is that of the segment and the set, and these are their ids.
	Key              sysv.Key
	SegmentID, SetID int
	// Processes is how many can be members at once, and Members who they are.
	Processes int
	Members   []lock.Member
	// Ephemeral is as in Config.
	Ephemeral bool
}

func statOf(group lock.Stat) GroupStat {
	return GroupStat{group.Key, group.SegmentID, group.SetID, group.Processes, group.Members, group.Ephemeral}
}

// inspect looks at a group that nobody here has joined.
func inspect[M, S any](id int, format, kind string, view func(memory []byte) (M, error), state func(m *M, group lock.Stat) S) (st S, err error) {
	_, err = lock.Inspect(id, func(group lock.Stat, memory []byte) error {
		m, err := view(memory)
		if group.Format != format || err != nil {
			hint := fmt.Sprintf("a group whose memory holds %q is no %s", group.Format, kind)
			return &sysv.Error{Op: "ring", Key: group.Key, ID: id, Err: syscall.EINVAL, Hint: hint}
		}
		st = state(&m, group)
		return nil
	})
	return st, err
}

// producers are the slots of members that send.
func producers(group lock.Stat, producing []word) (slots []int) {
	for _, p := range group.Members {
		if p.Slot < len(producing) && producing[p.Slot].load() == p.Number {
			slots = append(slots, p.Slot)
		}
	}
	return slots
}

// ownerOf is who a word names.
func ownerOf(group lock.Stat, word uint32) (slot, pid int, dead bool) {
	for _, p := range group.Members {
		if p.Number == word {
			return p.Slot, p.PID, false
		}
	}
	return int(word>>slotShift) - 1, 0, true
}
