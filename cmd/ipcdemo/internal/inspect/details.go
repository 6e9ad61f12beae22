package inspect

import (
	"fmt"
	"strings"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/shm"
)

// details are what a listing does not tell, asked for when it is first needed.
type details struct {
	*listing
	users   map[int][]int
	looked  map[int]semaphores
	there   map[int]*module
	orphans map[int]int
}

func (d *details) semaphores(id int) semaphores {
	s, ok := d.looked[id]
	if !ok {
		if d.looked == nil {
			d.looked = make(map[int]semaphores)
		}
		s = lookAt(id)
		d.looked[id] = s
	}
	return s
}

// attached are who has a segment attached, once for each attachment, and how many
// attachments nobody who can be seen has.
func (d *details) attached(s *shm.Stat) (pids []int, hidden int) {
	if s.Nattch == 0 {
		return nil, 0
	}
	if d.users == nil {
		d.users = users()
	}
	pids = d.users[s.ID]
	if len(pids) > s.Nattch {
		pids = pids[:s.Nattch] // who attached since
	}
	return pids, s.Nattch - len(pids)
}

func (d *details) attachedBy(s *shm.Stat) string {
	pids, hidden := d.attached(s)
	who := programs(pids)
	if hidden > 0 {
		who = strings.TrimPrefix(fmt.Sprintf("%s, %d out of sight", who, hidden), ", ")
	}
	return who
}

// modules asks which of all sets are this module's.
func (d *details) modules() {
	if d.there == nil {
		all, err := list(ofSets)
		if err != nil {
			all = d.listing
		}
		d.there, d.orphans = modules(all.sets)
	}
}

// moduleOf is what an object is a part of, or nil.
func (d *details) moduleOf(o object) *module {
	d.modules()
	if o.segment != nil {
		return d.there[o.id]
	}
	for _, m := range d.there {
		if o.set != nil && m.Set == o.id {
			return m
		}
	}
	return nil
}

// orphan tells of a set that its segment is gone, and which that was.
func (d *details) orphan(o object) (segment int, ok bool) {
	d.modules()
	if o.set != nil {
		segment, ok = d.orphans[o.id]
	}
	return segment, ok
}

// what says which of this module's an object is, or nothing.
func (d *details) what(o object) string {
	if m := d.moduleOf(o); m != nil && o.segment != nil {
		return m.what()
	} else if m != nil {
		return fmt.Sprintf("set of %s %d", m.Kind, m.Segment)
	}
	if segment, ok := d.orphan(o); ok {
		return fmt.Sprintf("set of segment %d, which is gone", segment)
	}
	return ""
}

// colour is red for what has an abandoned lock, and yellow for what nobody needs: of what
// gc knows that, but for what holds something.
func (d *details) colour(o object) func(string) string {
	m := d.moduleOf(o)
	_, orphan := d.orphan(o)
	switch {
	case orphan:
		return term.Notable
	case m == nil:
		return asIs
	case abandoned(m.stat) > 0:
		return term.Bad
	case len(m.Members) == 0 && m.Holds == "" && (o.segment == nil || o.segment.Nattch == 0):
		return term.Notable
	}
	return asIs
}

// asIs has no colour.
func asIs(s string) string { return s }

func bytesOf(n int64) string { return term.Bytes(uint64(max(n, 0))) }
