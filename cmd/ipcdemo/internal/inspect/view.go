package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// A view of one set asks for so many of its semaphores, and shows fewer values:
// a set can have 32000.
const (
	askedSemaphores = 256
	shownValues     = 12
)

// view is what there is, as lines of text. Objects that come or go meanwhile may
// be in it or not.
func view() ([]string, error) {
	l := listing{rings: make(map[int]int)}
	var err error
	if l.queues, err = msg.List(); err != nil {
		return nil, err
	}
	if l.segments, err = shm.List(); err != nil {
		return nil, err
	}
	if l.sets, err = sem.List(); err != nil {
		return nil, err
	}
	var out strings.Builder
	l.viewQueues(&out)
	fmt.Fprintln(&out)
	l.viewSegments(&out)
	fmt.Fprintln(&out)
	l.viewSets(&out)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), nil
}

func (l *listing) viewQueues(w io.Writer) {
	limits, err := msg.Limits()
	heading(w, len(l.queues), "message queues", limits.MsgMNI, err)
	t := term.NewTable(w, len(l.queues), "key", "id", "owner", "perms", "messages", "bytes", "of", "last sent by", "received by")
	for _, q := range l.queues {
		t.Row(l.common(q.ID, q.Perm, fmt.Sprint(q.Messages), fmt.Sprint(q.Bytes), fmt.Sprint(q.MaxBytes),
			programs([]int{q.LSPID}), programs([]int{q.LRPID}))...)
	}
	t.Flush()
}

func (l *listing) viewSegments(w io.Writer) {
	limits, err := shm.Limits()
	heading(w, len(l.segments), "shared memory segments", int(min(limits.ShmMNI, 1<<31-1)), err)
	t := term.NewTable(w, len(l.segments), "key", "id", "owner", "perms", "bytes", "attached", "by")
	attached := func(s shm.Stat) bool { return s.Nattch > 0 }
	var by map[int][]int
	if slices.ContainsFunc(l.segments, attached) {
		by = users()
	}
	for _, s := range l.segments {
		n := fmt.Sprint(s.Nattch)
		if s.Dest {
			n += ", removed"
		}
		if s.Locked {
			n += ", locked"
		}
		if st, ok := l.ring(s); ok {
			n += fmt.Sprintf(", ring with %d unread", st.Unread)
			l.rings[st.SetID] = s.ID
		}
		who := programs(by[s.ID])
		if hidden := s.Nattch - len(by[s.ID]); hidden > 0 {
			who = strings.TrimPrefix(fmt.Sprintf("%s, %d out of sight", who, hidden), ", ")
		}
		t.Row(l.common(s.ID, s.Perm, fmt.Sprint(s.Size), n, who)...)
	}
	t.Flush()
}

// ring tells what is in a segment that is a ring's. To look it has to be attached, which
// its times show: so only one is looked at that has a set beside it, as rings have.
func (l *listing) ring(s shm.Stat) (ring.QueueStat, bool) {
	beside := func(set sem.Stat) bool { return set.Key == s.Key && set.CUID == s.CUID }
	if s.Key == sysv.Private || !slices.ContainsFunc(l.sets, beside) {
		return ring.QueueStat{}, false
	}
	st, err := ring.InspectQueue(s.ID)
	return st, err == nil
}

func (l *listing) viewSets(w io.Writer) {
	limits, err := sem.Limits()
	heading(w, len(l.sets), "semaphore sets", limits.SemMNI, err)
	t := term.NewTable(w, len(l.sets), "key", "id", "owner", "perms", "values", "waiting", "last changed by")
	for _, s := range l.sets {
		values, waiting, pids, err := semaphores(s.ID)
		switch {
		case errors.Is(err, sysv.ErrRemoved), errors.Is(err, fs.ErrNotExist):
			continue // since it was listed
		case err != nil:
			values, waiting = fmt.Sprintf("%d, which may not be read", s.Len), ""
		}
		if id, ok := l.rings[s.ID]; ok {
			values += fmt.Sprintf(", of ring %d", id)
		}
		t.Row(l.common(s.ID, s.Perm, values, waiting, programs(pids))...)
	}
	t.Flush()
}

// semaphores tells a set's values, who waits for which and who changed them last.
func semaphores(id int) (values, waiting string, pids []int, err error) {
	set, err := sem.OpenID(id)
	if err != nil {
		return "", "", nil, err
	}
	all, err := set.Values()
	if err != nil {
		return "", "", nil, err
	}
	values = strings.Trim(fmt.Sprint(all[:min(len(all), shownValues)]), "[]")
	if len(all) > shownValues {
		values += fmt.Sprintf(" … (%d)", len(all))
	}
	var waits []string
	for num := range min(len(all), askedSemaphores) {
		up, errUp := set.Waiters(num)
		zero, errZero := set.ZeroWaiters(num)
		pid, errPID := set.LastPID(num)
		if err := errors.Join(errUp, errZero, errPID); err != nil {
			return "", "", nil, err
		}
		if up > 0 {
			waits = append(waits, fmt.Sprintf("%d for %d", up, num))
		}
		if zero > 0 {
			waits = append(waits, fmt.Sprintf("%d for %d to be 0", zero, num))
		}
		if !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return values, strings.Join(waits, ", "), pids, nil
}

func heading(w io.Writer, n int, what string, limit int, err error) {
	if err != nil {
		fmt.Fprintf(w, "%d %s\n", n, what)
		return
	}
	fmt.Fprintf(w, "%d of %d %s\n", n, limit, what)
}

// common are the cells of a row, those first that all kinds have.
func (l *listing) common(id int, p sysv.Perm, rest ...string) []string {
	return append([]string{p.Key.String(), fmt.Sprint(id), l.owner(p), fmt.Sprintf("%o", uint32(p.Mode))}, rest...)
}
