package ring

import "example.com/sysvipc/sysv/lock"

// FeedStat is the state of a feed.
type FeedStat struct {
	GroupStat
	// Producers are the slots of the members who have sent and not finished.
	Producers []int
	// Size is how many bytes the ring has, and Used how many of them are kept for
	// somebody, in a lossless feed: as far as consumers have said, who may be done with a
	// sixteenth of the ring more, 4 KiB at most, while they have others to do.
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
	return inspect(id, feedFormat, "feed", viewFeed, (*feedMemory).state)
}

func (m *feedMemory) state(group lock.Stat) FeedStat {
	st := FeedStat{GroupStat: statOf(group), Producers: producers(group, m.producing), Size: int64(m.size) * unit, Lossy: m.lossy, Cursors: len(m.cursors),
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
