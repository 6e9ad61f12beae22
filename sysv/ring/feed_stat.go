package ring

import (
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// FeedStat is the state of a feed.
type FeedStat struct {
	// Key is that of the segment and the set, and these are their ids.
	Key              sysv.Key
	SegmentID, SetID int
	// Processes is how many can be members at once, and Members who they are. Producers
	// are the slots of those who have sent and not finished.
	Processes int
	Members   []lock.Member
	Producers []int
	// Size is how many bytes the ring has, and Used how many of them are kept for
	// somebody, in a lossless feed.
	Size, Used int64
	// Lossy is as in Config.
	Lossy bool
	// Cursors is how many subscriptions and reservations a lossless feed can have at once,
	// and Kept what there are.
	Cursors int
	Kept    []Kept
	// Finished is true once a producer has finished and none has begun since.
	Finished bool
	// ConsumersWait and ProducersWait tell whether somebody waits for a record or for
	// room, or has done so and died, or has been woken just now.
	ConsumersWait, ProducersWait bool
	// Ephemeral is as in Config.
	Ephemeral bool
}

// Kept is what a subscription or a reservation keeps in a lossless feed: all bytes that
// were sent since.
type Kept struct {
	// Slot is the member's, PID he as in [lock.Member], and Dead is true if he has died:
	// then nothing is kept for him once it is in the way.
	Slot  int
	PID   int
	Dead  bool
	Bytes int64
}

// Stat returns the state of the feed, one thing after the other: while others go on it
// shows no single instant.
func (f *Feed) Stat() (st FeedStat, err error) {
	err = f.stat(func(group lock.Stat) { st = f.state(group) })
	return st, err
}

// InspectFeed returns the state of the feed whose segment has an id without joining it: it
// takes no place, and needs only the permission to read.
func InspectFeed(id int) (FeedStat, error) {
	var st FeedStat
	_, err := lock.Inspect(id, func(group lock.Stat, b []byte) error {
		m, err := viewFeed(b)
		if group.Format != feedFormat || err != nil {
			return notOf(group, id, "feed")
		}
		st = m.state(group)
		return nil
	})
	return st, err
}

func (m *feedMemory) state(group lock.Stat) FeedStat {
	st := FeedStat{Key: group.Key, SegmentID: group.SegmentID, SetID: group.SetID, Processes: group.Processes, Members: group.Members,
		Producers: producers(group, m.producing), Size: int64(m.size) * unit, Lossy: m.lossy, Cursors: len(m.cursors), Ephemeral: group.Ephemeral,
		Finished: m.ended.load() != 0, ConsumersWait: m.notEmpty.Awaited(), ProducersWait: m.notFull.Awaited()}
	tail := m.tail.load()
	for i := range m.cursors {
		c := &m.cursors[i]
		owner := c.owner.load()
		if owner < reserved {
			continue
		}
		slot, pid, dead := ownerOf(group, owner)
		k := Kept{slot, pid, dead, int64(min(tail-c.from.load(), m.size)) * unit}
		st.Used = max(st.Used, k.Bytes)
		st.Kept = append(st.Kept, k)
	}
	return st
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
