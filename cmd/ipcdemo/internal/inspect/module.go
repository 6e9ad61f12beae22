package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// module is what this module's packages have laid into a segment and a set: a group of
// locks, or a ring. To look at one joins nothing, and nothing in it is trusted.
type module struct {
	Kind    string        `json:"kind"` // lock, or ring queue, ring feed, ring latest
	Segment int           `json:"segment"`
	Set     int           `json:"set"`
	Says    string        `json:"says"`    // how full it is, or how its locks are
	Members []lock.Member `json:"members"` // who live
	Holds   string        `json:"holds"`   // what would be lost with it, or nothing

	Mutexes   []lock.MutexStat   `json:"mutexes,omitempty"`
	RWMutexes []lock.RWMutexStat `json:"rwmutexes,omitempty"`
	Queue     *ring.QueueStat    `json:"queue,omitempty"`
	Feed      *ring.FeedStat     `json:"feed,omitempty"`
	Latest    *ring.LatestStat   `json:"latest,omitempty"`
	stat      lock.Stat
}

// modules are those among some sets, by their segment's id, and those sets that are of a
// segment which is gone, by their own. A segment has to be attached to be looked into, which
// its times show: so only one is that a set names.
func modules(sets []sem.Stat) (there map[int]*module, orphans map[int]int) {
	there, orphans = make(map[int]*module), make(map[int]int)
	for _, set := range sets {
		segment, ok, err := lock.SegmentOf(set.ID)
		if err != nil || !ok {
			continue
		}
		m, err := look(segment)
		switch {
		case err == nil && m.Set == set.ID:
			there[segment] = m
		case gone(segment):
			orphans[set.ID] = segment
		}
	}
	return there, orphans
}

// look looks into a segment.
func look(segment int) (*module, error) {
	st, err := lock.Inspect(segment, nil)
	if err != nil {
		return nil, err
	}
	m := &module{Segment: segment, Set: st.SetID, Members: st.Members, stat: st}
	if m.Members == nil {
		m.Members = []lock.Member{}
	}
	if q, err := ring.InspectQueue(segment); err == nil {
		m.Kind, m.Queue = "ring queue", &q
		m.Says = fmt.Sprintf("%d unread", q.Unread)
		leased := 0
		for _, l := range q.Leases {
			leased += l.Records
		}
		if leased > 0 {
			m.Says += fmt.Sprintf(", %d leased", leased)
		}
		if q.Aside > 0 {
			m.Says += fmt.Sprintf(", %d set aside", q.Aside)
		}
		if n := q.Unread + leased + q.Aside; n > 0 {
			m.Holds = fmt.Sprintf("%d records", n)
		}
		return m, nil
	}
	if f, err := ring.InspectFeed(segment); err == nil {
		m.Kind, m.Feed = "ring feed", &f
		m.Says = "lossless"
		if f.Lossy {
			m.Says = "lossy"
		}
		m.Says += fmt.Sprintf(", %s of %s used", bytesOf(f.Used), bytesOf(f.Size))
		if f.Used > 0 {
			m.Holds = fmt.Sprintf("%s of records", bytesOf(f.Used))
		}
		return m, nil
	}
	if l, err := ring.InspectLatest(segment); err == nil {
		m.Kind, m.Latest = "ring latest", &l
		m.Says = fmt.Sprintf("value %d", l.Number)
		if l.Number > 0 {
			m.Holds = "a value"
		}
		return m, nil
	}
	m.Kind, m.Mutexes, m.RWMutexes = "lock", st.Mutexes, st.RWMutexes
	m.Says = saysOf(st)
	if st.Memory > 0 {
		m.Holds = bytesOf(int64(st.Memory)) + " of memory"
	}
	return m, nil
}

// saysOf is how many of a group's locks are held, awaited and abandoned.
func saysOf(st lock.Stat) string {
	held, reading, waiters := 0, 0, 0
	count := func(x lock.MutexStat, owned bool) {
		waiters += x.Waiters
		if owned {
			held++
		}
	}
	for _, x := range st.Mutexes {
		count(x, x.Held)
	}
	for _, x := range st.RWMutexes {
		alive := 0
		for _, r := range x.Readers {
			if !r.Dead {
				alive++
			}
		}
		count(x.Writer, x.Writing || alive > 0)
		reading += alive
	}
	said := []string{fmt.Sprintf("%d of %d held", held, len(st.Mutexes)+len(st.RWMutexes))}
	for _, n := range []struct {
		n    int
		what string
	}{{reading, "reading"}, {waiters, "waiting"}, {abandoned(st), "abandoned"}} {
		if n.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	return strings.Join(said, ", ")
}

// abandoned is how many of a group's locks a member has died with that nobody has repaired.
func abandoned(st lock.Stat) (n int) {
	count := func(x lock.MutexStat) {
		if x.Abandoned || x.Dead {
			n++
		}
	}
	for _, x := range st.Mutexes {
		count(x)
	}
	for _, x := range st.RWMutexes {
		count(x.Writer)
	}
	return n
}

// what says in a few words what it is.
func (m *module) what() string {
	switch len(m.Members) {
	case 0:
		return m.Kind + ", nobody, " + m.Says
	case 1:
		return m.Kind + ", 1 member, " + m.Says
	}
	return fmt.Sprintf("%s, %d members, %s", m.Kind, len(m.Members), m.Says)
}

// gone tells whether a segment is there no more.
func gone(segment int) bool {
	_, err := shm.OpenID(segment)
	return errors.Is(err, fs.ErrNotExist)
}
