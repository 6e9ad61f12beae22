package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// view is which objects are shown, and how.
type view struct {
	kinds
	user  string // whose they are, or "" for all
	sort  string // by which column, or "" for the kernel's order
	width int    // of a line, or 0 for any
}

// lines is what there is. Objects that come or go meanwhile may be in it or not. Of lines
// that are too long the columns that matter least go first.
func (v view) lines() ([]string, error) {
	l, err := list(v.kinds)
	if err != nil {
		return nil, err
	}
	if v.user != "" {
		l.keep(v.user)
	}
	d := &details{listing: l}
	if err := d.order(v.kinds, v.sort); err != nil {
		return nil, err
	}
	var lines []string
	part := func(heading string, columns []term.Column, rows []viewed) {
		if lines != nil {
			lines = append(lines, "")
		}
		lines = append(append(lines, term.Head(heading)), grid(v.width, columns, rows)...)
	}
	if v.Queues {
		limits, err := msg.Limits()
		part(heading(len(d.queues), "message queues", uint64(limits.MsgMNI), err), queueColumns, d.viewQueues())
	}
	if v.Segments {
		limits, err := shm.Limits()
		part(heading(len(d.segments), "shared memory segments", min(limits.ShmMNI, math.MaxInt32), err), segmentColumns, d.viewSegments())
	}
	if v.Sets {
		limits, err := sem.Limits()
		part(heading(len(d.sets), "semaphore sets", uint64(limits.SemMNI), err), setColumns, d.viewSets())
	}
	return lines, nil
}

func heading(n int, what string, limit uint64, err error) string {
	if err != nil {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d of %d %s", n, limit, what)
}

// The columns, each with its rank: how soon it goes where lines are short.
var (
	queueColumns = []term.Column{{Name: "key", Rank: 4}, {Name: "id"}, {Name: "owner", Rank: 5}, {Name: "perms", Rank: 9}, {Name: "messages", Rank: 1},
		{Name: "bytes", Rank: 3}, {Name: "of", Rank: 8}, {Name: "last sent by", Rank: 6}, {Name: "received by", Rank: 7}}
	segmentColumns = []term.Column{{Name: "key", Rank: 4}, {Name: "id"}, {Name: "owner", Rank: 5}, {Name: "perms", Rank: 9}, {Name: "bytes", Rank: 3},
		{Name: "attached", Rank: 2}, {Name: "by", Rank: 1}, {Name: "what", Rank: 7}}
	setColumns = []term.Column{{Name: "key", Rank: 3}, {Name: "id"}, {Name: "owner", Rank: 4}, {Name: "perms", Rank: 9}, {Name: "values", Rank: 5},
		{Name: "waiting", Rank: 1}, {Name: "last changed by", Rank: 6}, {Name: "what", Rank: 7}}
)

// viewed is a row, in the colour of what it tells.
type viewed struct {
	cells  []string
	colour func(string) string
}

// grid writes rows as term.Grid does, which knows no colours.
func grid(width int, columns []term.Column, rows []viewed) []string {
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, r.cells)
	}
	lines := term.Grid(width, columns, cells)
	for i := range lines {
		if i == 0 {
			lines[i] = term.Head(lines[i])
		} else {
			lines[i] = rows[i-1].colour(lines[i])
		}
	}
	return lines
}

func (d *details) viewQueues() (rows []viewed) {
	for _, q := range d.queues {
		rows = append(rows, viewed{d.common(q.ID, q.Perm, fmt.Sprint(q.Messages), fmt.Sprint(q.Bytes), fmt.Sprint(q.MaxBytes),
			programs([]int{q.LSPID}), programs([]int{q.LRPID})), asIs})
	}
	return rows
}

func (d *details) viewSegments() (rows []viewed) {
	for i := range d.segments {
		s := &d.segments[i]
		n := fmt.Sprint(s.Nattch)
		if s.Dest {
			n += ", removed"
		}
		if s.Locked {
			n += ", locked"
		}
		o := object{id: s.ID, segment: s}
		rows = append(rows, viewed{d.common(s.ID, s.Perm, fmt.Sprint(s.Size), n, d.attachedBy(s), d.what(o)), d.colour(o)})
	}
	return rows
}

func (d *details) viewSets() (rows []viewed) {
	for i := range d.sets {
		s := &d.sets[i]
		all := d.semaphores(s.ID)
		values, waiting, by := all.values(shownValues), all.waiting(), programs(all.pids())
		switch {
		case errors.Is(all.err, sysv.ErrRemoved), errors.Is(all.err, fs.ErrNotExist):
			continue // since it was listed
		case all.err != nil:
			values = fmt.Sprintf("%d, which may not be read", s.Len)
		}
		o := object{id: s.ID, set: s}
		rows = append(rows, viewed{d.common(s.ID, s.Perm, values, waiting, by, d.what(o)), d.colour(o)})
	}
	return rows
}

// common are the cells of a row, those first that all kinds have.
func (l *listing) common(id int, p sysv.Perm, rest ...string) []string {
	return append([]string{p.Key.String(), fmt.Sprint(id), l.owner(p), fmt.Sprintf("%o", uint32(p.Mode))}, rest...)
}
