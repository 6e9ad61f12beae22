package ring

import "example.com/sysvipc/sysv/lock"

// QueueStat is the state of a queue.
type QueueStat struct {
	GroupStat
	// Producers are the slots of the members who have sent and not finished.
	Producers []int
	// Size is how many bytes the ring has, and Used how many of them are not free, with
	// what stands before each record and the padding at the end.
	Size, Used int64
	// Unread is how many records nobody has leased yet, Reserved how many of them are
	// being written.
	Unread, Reserved int
	// Leases are those that consumers have, and MostLeases is how many there can be at once,
	// as Config.Leases says.
	Leases     []Lease
	MostLeases int
	// Aside is how many records are set aside, and AsideUsed how many bytes of AsideSize
	// they take. Attempts is after how many a record is, 0 for never.
	Aside                int
	AsideSize, AsideUsed int64
	Attempts             int
	// Finished is true once a producer has finished.
	Finished bool
	// ConsumersWait and ProducersWait tell whether somebody waits for a record or for
	// room, or has done so and died, or has been woken just now.
	ConsumersWait, ProducersWait bool
}

// A Lease is records that a consumer has.
type Lease struct {
	// Slot is the consumer's, PID he as in [lock.Member], and Dead is true if he has died
	// and nobody has taken his place yet. Slot is -1 where anybody may have the
	// records, but where Stuck is true: they are to be set aside, and there is no room.
	Slot  int
	PID   int
	Dead  bool
	Stuck bool
	// Records are those that are not done with, Delivered how many of them the consumer
	// has been given, and Attempts the most that one was delivered in vain.
	Records, Delivered, Attempts int
}

// Stat returns the state of the queue, one thing after the other: while others go on it
// shows no single instant, and records that come and go meanwhile may be counted wrongly.
func (q *Queue) Stat() (st QueueStat, err error) {
	err = q.stat(func(group lock.Stat) { st = q.state(group) })
	return st, err
}

// InspectQueue returns the state of the queue whose segment has an id without joining
// it: it takes no place, and needs only the permission to read. It is [Queue.Stat] else.
func InspectQueue(id int) (QueueStat, error) {
	return inspect(id, queueFormat, "queue", viewQueue, (*memory).state)
}

func (m *memory) state(group lock.Stat) QueueStat {
	st := QueueStat{GroupStat: statOf(group), Producers: producers(group, m.producing), Size: int64(m.size) * unit,
		AsideSize: int64(m.aside.size) * unit, Attempts: int(m.limit), MostLeases: len(m.cells),
		Finished: m.ended.load() != 0, ConsumersWait: m.notEmpty.Awaited(), ProducersWait: m.notFull.Awaited()}
	read, tail := m.read.load(), m.tail.load()
	oldest := read
	m.walk(read, tail, func(_, state uint32) {
		switch {
		case state >= reserved:
			st.Unread++
			st.Reserved++
		case state&kinds == committed:
			st.Unread++
		}
	})
	for i := range min(m.used.load(), uint32(len(m.cells))) {
		c := &m.cells[i]
		owner := c.owner.load()
		if owner == 0 {
			continue
		}
		from, given, s := c.from.load(), c.given.load(), c.span()
		l := Lease{Slot: -1, Stuck: owner == stuck}
		if owner >= reserved {
			l.Slot, l.PID, l.Dead = ownerOf(group, owner)
		}
		delivered := s.delivered(given)
		m.walk(from, s.end(given), func(at, state uint32) {
			if !m.left(c, state) {
				return
			}
			l.Records++
			if int32(at-delivered) < 0 {
				l.Delivered++
			}
			l.Attempts = max(l.Attempts, int(attempts(state)))
		})
		if l.Records == 0 {
			continue // others have cut off what was left
		}
		if int32(from-oldest) < 0 {
			oldest = from
		}
		st.Leases = append(st.Leases, l)
	}
	st.Used = int64(min(tail-oldest, m.size)) * unit
	asideRead, asideTail := m.asideRead.load(), m.asideTail.load()
	st.AsideUsed = int64(min(asideTail-asideRead, m.aside.size)) * unit
	m.aside.walk(asideRead, asideTail, func(_, state uint32) {
		if state&kinds != padding {
			st.Aside++
		}
	})
	return st
}
