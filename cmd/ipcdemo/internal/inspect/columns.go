package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// object is one of any kind.
type object struct {
	id   int
	perm sysv.Perm

	queue   *msg.Stat
	segment *shm.Stat
	set     *sem.Stat
}

func (l *listing) objects(k kinds) (all []object) {
	if k.Queues {
		for i := range l.queues {
			all = append(all, object{id: l.queues[i].ID, perm: l.queues[i].Perm, queue: &l.queues[i]})
		}
	}
	if k.Segments {
		for i := range l.segments {
			all = append(all, object{id: l.segments[i].ID, perm: l.segments[i].Perm, segment: &l.segments[i]})
		}
	}
	if k.Sets {
		for i := range l.sets {
			all = append(all, object{id: l.sets[i].ID, perm: l.sets[i].Perm, set: &l.sets[i]})
		}
	}
	return all
}

// size is a number of bytes in a cell.
type size uint64

// column is what can be told of objects, under the name that lsipc has for it where it
// has one. Its values are strings, ints, sizes and times.
type column struct {
	name  string
	says  string
	of    kinds
	value func(*details, object) any
}

var (
	ofAll      = kinds{true, true, true}
	ofQueues   = kinds{Queues: true}
	ofSegments = kinds{Segments: true}
	ofSets     = kinds{Sets: true}
)

var columns = []column{
	{"KEY", "key", ofAll, func(_ *details, o object) any { return o.perm.Key.String() }},
	{"ID", "id", ofAll, func(_ *details, o object) any { return o.id }},
	{"OWNER", "owner", ofAll, func(d *details, o object) any { return d.owner(o.perm) }},
	{"PERMS", "permissions", ofAll, func(_ *details, o object) any { return fmt.Sprintf("%o", uint32(o.perm.Mode)) }},
	{"CUID", "creator's uid", ofAll, func(_ *details, o object) any { return int(o.perm.CUID) }},
	{"CUSER", "creator", ofAll, func(d *details, o object) any { return d.user(o.perm.CUID) }},
	{"CGID", "creator's gid", ofAll, func(_ *details, o object) any { return int(o.perm.CGID) }},
	{"CGROUP", "creator's group", ofAll, func(d *details, o object) any { return d.group(o.perm.CGID) }},
	{"UID", "owner's uid", ofAll, func(_ *details, o object) any { return int(o.perm.UID) }},
	{"USER", "owner", ofAll, func(d *details, o object) any { return d.user(o.perm.UID) }},
	{"GID", "owner's gid", ofAll, func(_ *details, o object) any { return int(o.perm.GID) }},
	{"GROUP", "owner's group", ofAll, func(d *details, o object) any { return d.group(o.perm.GID) }},
	{"CTIME", "changed", ofAll, func(_ *details, o object) any { return o.changed() }},
	{"USEDBYTES", "bytes in it", ofQueues, func(_ *details, o object) any { return size(o.queue.Bytes) }},
	{"QBYTES", "bytes that it may hold", ofQueues, func(_ *details, o object) any { return size(o.queue.MaxBytes) }},
	{"MSGS", "messages", ofQueues, func(_ *details, o object) any { return o.queue.Messages }},
	{"SEND", "last sent", ofQueues, func(_ *details, o object) any { return o.queue.STime }},
	{"RECV", "last received", ofQueues, func(_ *details, o object) any { return o.queue.RTime }},
	{"LSPID", "last sender", ofQueues, func(_ *details, o object) any { return o.queue.LSPID }},
	{"LRPID", "last receiver", ofQueues, func(_ *details, o object) any { return o.queue.LRPID }},
	{"SIZE", "size", ofSegments, func(_ *details, o object) any { return size(o.segment.Size) }},
	{"NATTCH", "attachments", ofSegments, func(_ *details, o object) any { return o.segment.Nattch }},
	{"STATUS", "status", ofSegments, func(_ *details, o object) any { return o.status() }},
	{"ATTACH", "last attached", ofSegments, func(_ *details, o object) any { return o.segment.ATime }},
	{"DETACH", "last detached", ofSegments, func(_ *details, o object) any { return o.segment.DTime }},
	{"CPID", "created by", ofSegments, func(_ *details, o object) any { return o.segment.CPID }},
	{"LPID", "last used by", ofSegments, func(_ *details, o object) any { return o.segment.LPID }},
	{"RSS", "in memory", ofSegments, func(_ *details, o object) any { return size(o.segment.RSS) }},
	{"SWAP", "in swap", ofSegments, func(_ *details, o object) any { return size(o.segment.Swap) }},
	{"COMMAND", "program of its creator", ofSegments, func(_ *details, o object) any { return program(o.segment.CPID) }},
	{"USERS", "who has it attached", ofSegments, func(d *details, o object) any { return d.attachedBy(o.segment) }},
	{"NSEMS", "semaphores", ofSets, func(_ *details, o object) any { return o.set.Len }},
	{"OTIME", "last operation", ofSets, func(_ *details, o object) any { return o.set.OTime }},
	{"VALUES", "first values", ofSets, func(d *details, o object) any { return d.semaphores(o.id).values(shownValues) }},
	{"WAITERS", "who wait", ofSets, func(d *details, o object) any { return d.semaphores(o.id).waiting() }},
	{"WHAT", "which of this module's it is", kinds{Segments: true, Sets: true}, func(d *details, o object) any { return d.what(o) }},
}

func (o object) changed() time.Time {
	switch {
	case o.queue != nil:
		return o.queue.CTime
	case o.segment != nil:
		return o.segment.CTime
	}
	return o.set.CTime
}

func (o object) status() string {
	var s []string
	if o.segment.Dest {
		s = append(s, "dest")
	}
	if o.segment.Locked {
		s = append(s, "locked")
	}
	return strings.Join(s, ",")
}

func (c column) isOf(k kinds) bool {
	return c.of.Queues && k.Queues || c.of.Segments && k.Segments || c.of.Sets && k.Sets
}

// columnNames are the names of those that some kinds have.
func columnNames(k kinds) string {
	var names []string
	for _, c := range columns {
		if c.isOf(k) {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// findColumns returns those that are named.
func findColumns(names []string, k kinds) (found []column, err error) {
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, name) && c.isOf(k) })
		if i < 0 {
			return nil, fmt.Errorf("no column is called %q; there are %s", name, columnNames(k))
		}
		found = append(found, columns[i])
	}
	return found, nil
}
