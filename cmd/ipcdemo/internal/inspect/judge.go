package inspect

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// How sure it is that nobody needs an object.
const (
	needed = "needed" // or nothing is known
	likely = "likely"
	known  = "known"
)

// finding is what gc thinks of an object, and why.
type finding struct {
	object
	sure string
	why  string
}

// judge is what there was to be seen in one look.
type judge struct {
	*details
	older time.Duration
	now   time.Time
	euid  uint32

	processes []process
	waits     map[int][]int // in queues
	unseen    []int         // who may wait in any
	callers   callers
}

// newJudge looks at everything. What a look at a group's segment changes, it has read before.
func newJudge(older time.Duration) (*judge, error) {
	l, err := list(ofAll)
	if err != nil {
		return nil, err
	}
	j := &judge{details: &details{listing: l}, older: older, euid: uint32(os.Geteuid()), callers: make(callers)}
	if j.processes, err = processes(); err != nil {
		return nil, err
	}
	j.waits, j.unseen = queueWaits(j.processes)
	j.there, j.orphans = modules(l.sets)
	j.now = time.Now()
	return j, nil
}

// findings are those on all objects of some kinds.
func (j *judge) findings(k kinds) (all []finding) {
	for _, o := range j.objects(k) {
		sure, why := j.judge(o)
		all = append(all, finding{o, sure, why})
	}
	return all
}

func (j *judge) judge(o object) (sure, why string) {
	if o.perm.Mode == inTheMaking {
		return needed, "it is being made, or its creator has died at that: the next one heals it"
	}
	if m := j.moduleOf(o); m != nil {
		return j.module(m)
	}
	if segment, ok := j.orphan(o); ok {
		return known, fmt.Sprintf("the set of a group whose segment %d is gone", segment)
	}
	if o.segment != nil && o.segment.Nattch > 0 {
		return needed, "attached: " + j.attachedBy(o.segment)
	}
	if j.euid != 0 && (o.perm.CUID != j.euid || o.perm.UID != j.euid) {
		return needed, "another user's, whose processes can't be looked at"
	}
	switch {
	case o.segment != nil:
		why = j.segment(o)
	case o.set != nil:
		why = j.set(o)
	default:
		why = j.queue(o)
	}
	if why != "" {
		return needed, why
	}
	if idle := j.now.Sub(o.last()); idle < j.older {
		return needed, fmt.Sprintf("used or changed %s ago", ago(idle))
	}
	return likely, j.evidence(o)
}

// inTheMaking is the mode of what the library has begun to make, and of nothing else.
const inTheMaking = 0o601

// module judges what this module's packages made: the kernel's undo tells, wherever its
// members are, whether one lives. Whether what it holds is needed nobody knows.
func (j *judge) module(m *module) (sure, why string) {
	if n := len(m.Members); n > 0 {
		if n == 1 {
			return needed, m.Kind + " with a member that lives"
		}
		return needed, fmt.Sprintf("%s with %d members that live", m.Kind, n)
	}
	for _, s := range j.segments {
		if s.ID == m.Segment && s.Nattch > 0 {
			return needed, fmt.Sprintf("%s without members, but attached: %s", m.Kind, j.attachedBy(&s))
		}
	}
	for _, s := range j.sets {
		if idle := j.now.Sub(later(s.OTime, s.CTime)); s.ID == m.Set && m.Holds != "" && idle < j.older {
			return needed, fmt.Sprintf("%s that holds %s, left %s ago", m.Kind, m.Holds, ago(idle))
		}
	}
	why = m.Kind + " of which no member lives"
	if m.Holds != "" {
		why += "; it holds " + m.Holds
	}
	return known, why
}

// segment tells what speaks for a segment that nobody has attached.
func (j *judge) segment(o object) string {
	s := o.segment
	used := later(s.ATime, s.DTime)
	switch {
	case s.CPID == 0:
		return "its creator is in another PID namespace, and may live"
	case s.LPID == 0 && !used.IsZero():
		return "its last user is in another PID namespace, and may live"
	case lives(s.CPID, s.CTime):
		return fmt.Sprintf("its creator lives: %s", programs([]int{s.CPID}))
	case s.LPID != 0 && lives(s.LPID, used):
		return fmt.Sprintf("its last user lives: %s", programs([]int{s.LPID}))
	case j.now.Sub(o.last()) < unusedFor:
		// Between one process that hands it on and the next nobody may have it attached, as
		// when PostgreSQL starts.
		return j.mayUse(o, func(a ability) bool { return a.segments })
	}
	return ""
}

// set tells what speaks for a set.
func (j *judge) set(o object) string {
	s := j.semaphores(o.id)
	if s.err != nil {
		return "it may not be read"
	}
	if waiting := s.waiting(); waiting != "" {
		return "somebody waits: " + waiting
	}
	used := later(o.set.OTime, o.set.CTime)
	nobody := true
	for num, v := range s.all {
		switch {
		case v.PID == 0 && v.Value != 0:
			return fmt.Sprintf("who changed semaphore %d is in another PID namespace, and may live", num)
		case v.PID != 0 && lives(v.PID, used):
			return fmt.Sprintf("who changed semaphore %d last lives: %s", num, programs([]int{v.PID}))
		}
		nobody = nobody && v.PID == 0
	}
	if nobody && !o.set.OTime.IsZero() {
		return "its last user is in another PID namespace, and may live"
	}
	if nobody {
		if why := j.tooNew(o); why != "" {
			return why
		}
	}
	return j.mayUse(o, func(a ability) bool { return a.sets })
}

// queue tells what speaks for a queue.
func (j *judge) queue(o object) string {
	q := o.queue
	switch {
	case j.waits[o.id] != nil:
		return "somebody waits: " + programs(j.waits[o.id])
	case j.unseen != nil:
		return fmt.Sprintf("whether process %d waits can't be seen: only root can", j.unseen[0])
	case q.LSPID == 0 && !q.STime.IsZero(), q.LRPID == 0 && !q.RTime.IsZero():
		return "its last user is in another PID namespace, and may live"
	case q.LSPID != 0 && lives(q.LSPID, q.STime):
		return fmt.Sprintf("its last sender lives: %s", programs([]int{q.LSPID}))
	case q.LRPID != 0 && lives(q.LRPID, q.RTime):
		return fmt.Sprintf("its last receiver lives: %s", programs([]int{q.LRPID}))
	}
	if q.LSPID == 0 && q.LRPID == 0 {
		if why := j.tooNew(o); why != "" {
			return why
		}
	}
	return j.mayUse(o, func(a ability) bool { return a.queues })
}

// unusedFor is how long something must have been left alone of which the kernel knows no
// process that could say more.
const unusedFor = time.Hour

// tooNew speaks for what nobody has used yet.
func (j *judge) tooNew(o object) string {
	if idle := j.now.Sub(o.last()); idle < unusedFor {
		return fmt.Sprintf("nobody has used it yet, and it was made %s ago", ago(idle))
	}
	return ""
}

// mayUse tells which process may use an object of which the kernel does not tell: one of
// its creator's or its owner's that has what it takes.
func (j *judge) mayUse(o object, able func(ability) bool) string {
	for _, p := range j.processes {
		if (p.uid == o.perm.CUID || p.uid == o.perm.UID) && able(j.callers.of(p.pid)) {
			return fmt.Sprintf("a program of its user's that may use it lives: %s", programs([]int{p.pid}))
		}
	}
	return ""
}

// lives tells whether a process that the kernel wrote down by a time is there still. One
// that began after it has only got its number. Clocks are set, and so it is told late.
func lives(pid int, by time.Time) bool {
	if !alive(pid) {
		return false
	}
	const slack = time.Minute
	start := startOf(pid, bootTime())
	return start.IsZero() || by.IsZero() || start.Before(by.Add(slack))
}

// last is when something was last done to an object.
func (o object) last() time.Time {
	switch {
	case o.queue != nil:
		return later(o.queue.STime, o.queue.RTime, o.queue.CTime)
	case o.segment != nil:
		return later(o.segment.ATime, o.segment.DTime, o.segment.CTime)
	}
	return later(o.set.OTime, o.set.CTime)
}

func later(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// evidence says why nobody needs an object, likely.
func (j *judge) evidence(o object) string {
	var gone []string
	add := func(who string, pid int) {
		if pid != 0 {
			gone = append(gone, fmt.Sprintf("%s %d", who, pid))
		}
	}
	why := "nobody waits"
	switch {
	case o.segment != nil:
		why = "nobody has it attached"
		add("its creator", o.segment.CPID)
		if o.segment.LPID != o.segment.CPID {
			add("its last user", o.segment.LPID)
		}
	case o.queue != nil:
		add("its last sender", o.queue.LSPID)
		add("its last receiver", o.queue.LRPID)
	default:
		for _, pid := range j.semaphores(o.id).pids() {
			add("its user", pid)
		}
	}
	if len(gone) > 3 {
		gone = append(gone[:3], fmt.Sprintf("%d more", len(gone)-3))
	}
	switch len(gone) {
	case 0:
		why += ", nobody has ever used it"
	case 1:
		why += ", " + gone[0] + " is gone"
	default:
		why += ", " + strings.Join(gone, ", ") + " are gone"
	}
	return fmt.Sprintf("%s, unused for %s", why, ago(j.now.Sub(o.last())))
}

// ago is a time for people, in the largest unit of which there is one.
func ago(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
