package inspect

import (
	"fmt"
	"io"
	"strings"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// find returns the object that --id names.
func (c *Ls) find(d *details) (object, error) {
	for _, o := range d.objects(c.which()) {
		if o.id == *c.ID {
			return o, nil
		}
	}
	var err error
	switch {
	case c.Queues:
		_, err = msg.OpenID(*c.ID)
	case c.Segments:
		_, err = shm.OpenID(*c.ID)
	default:
		_, err = sem.OpenID(*c.ID)
	}
	if err == nil {
		err = fmt.Errorf("%d is not among those that are listed", *c.ID)
	}
	return object{}, err
}

// printOne prints all that is known of one object.
func (c *Ls) printOne(w io.Writer, d *details) error {
	o, err := c.find(d)
	if err != nil {
		return err
	}
	switch {
	case c.JSON && c.Output == nil:
		return term.PrintJSON(w, d.oneJSON(o))
	case c.Output != nil:
		chosen, err := findColumns(c.Output, c.which())
		if err != nil {
			return err
		}
		if c.JSON {
			return term.PrintJSON(w, rows(d, []object{o}, chosen)[0])
		}
		_, err = io.WriteString(w, c.table(d, []object{o}, chosen))
		return err
	}
	var facts []term.Fact
	for _, col := range columns {
		if col.isOf(c.which()) && col.name != "VALUES" && col.name != "WAITERS" {
			facts = append(facts, term.Fact{Name: col.says, Value: c.cell(col.value(d, o))})
		}
	}
	if err := term.Facts(w, facts); err != nil {
		return err
	}
	if o.set != nil {
		if err := d.printSemaphores(w, o.id); err != nil {
			return err
		}
	}
	d.modules()
	if o.segment != nil && d.there[o.id] != nil {
		return d.there[o.id].print(w)
	}
	return nil
}

func (d *details) printSemaphores(w io.Writer, id int) error {
	s := d.semaphores(id)
	if s.err != nil {
		_, err := fmt.Fprintf(w, "\nits semaphores may not be read: %v\n", s.err)
		return err
	}
	fmt.Fprintln(w)
	t := term.NewTable(w, len(s.all), "SEMNUM", "VALUE", "NCOUNT", "ZCOUNT", "PID", "COMMAND")
	for num, v := range s.all {
		t.Row(fmt.Sprint(num), fmt.Sprint(v.Value), fmt.Sprint(v.Waiters), fmt.Sprint(v.Zero), fmt.Sprint(v.PID), program(v.PID))
	}
	return t.Flush()
}

// print prints who takes part, and what they have.
func (m *module) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, with set %d: %s\n", m.Kind, m.Set, m.Says)
	t := term.NewTable(w, len(m.Members), "SLOT", "PID", "COMMAND")
	for _, one := range m.Members {
		t.Row(fmt.Sprint(one.Slot), fmt.Sprint(one.PID), program(one.PID))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(m.Mutexes) > 0 {
		fmt.Fprintln(w)
		t = term.NewTable(w, len(m.Mutexes), "MUTEX", "OWNER", "WAITERS", "STATE", "RECOVERIES")
		for i, x := range m.Mutexes {
			t.Row(fmt.Sprint(i), ownerOf(x), fmt.Sprint(x.Waiters), mutexState(x.Held, x.Dead, x.Abandoned), fmt.Sprint(x.Recoveries))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if len(m.RWMutexes) > 0 {
		fmt.Fprintln(w)
		t = term.NewTable(w, len(m.RWMutexes), "RWMUTEX", "WRITER", "WAITERS", "READERS", "STATE", "RECOVERIES")
		for i, x := range m.RWMutexes {
			var readers []int
			for _, r := range x.Readers {
				if !r.Dead {
					readers = append(readers, r.PID)
				}
			}
			t.Row(fmt.Sprint(i), ownerOf(x.Writer), fmt.Sprint(x.Writer.Waiters), strings.TrimSpace(fmt.Sprintf("%d %s", len(readers), programs(readers))),
				mutexState(x.Writing, x.Writer.Dead, x.Writer.Abandoned), fmt.Sprint(x.Writer.Recoveries))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if m.Queue != nil && len(m.Queue.Leases) > 0 {
		fmt.Fprintln(w)
		t = term.NewTable(w, 1, "LEASED TO", "RECORDS", "DELIVERED", "ATTEMPTS")
		for _, l := range m.Queue.Leases {
			t.Row(leaseOf(l.Slot, l.PID, l.Dead, l.Stuck), fmt.Sprint(l.Records), fmt.Sprint(l.Delivered), fmt.Sprint(l.Attempts))
		}
		return t.Flush()
	}
	if m.Feed != nil && len(m.Feed.Kept) > 0 {
		fmt.Fprintln(w)
		t = term.NewTable(w, 1, "KEPT FOR", "BYTES")
		for _, l := range m.Feed.Kept {
			t.Row(leaseOf(l.Slot, l.PID, l.Dead, false), fmt.Sprint(l.Bytes))
		}
		return t.Flush()
	}
	return nil
}

// ownerOf is who has a mutex: his pid where it can be known.
func ownerOf(x lock.MutexStat) string {
	switch {
	case !x.Held:
		return "-"
	case x.PID == 0:
		return fmt.Sprintf("slot %d", x.Slot)
	}
	return strings.TrimSpace(fmt.Sprintf("slot %d, %d %s", x.Slot, x.PID, program(x.PID)))
}

func mutexState(held, dead, abandoned bool) string {
	var s []string
	if held {
		s = append(s, "held")
	}
	if dead {
		s = append(s, "owner died")
	}
	if abandoned {
		s = append(s, "abandoned")
	}
	if s == nil {
		return "free"
	}
	return strings.Join(s, ", ")
}

func leaseOf(slot, pid int, dead, stuck bool) string {
	switch {
	case slot < 0 && stuck:
		return "to be set aside"
	case slot < 0:
		return "anybody"
	case dead:
		return fmt.Sprintf("slot %d, who died", slot)
	}
	return strings.TrimSpace(fmt.Sprintf("slot %d, %d %s", slot, pid, program(pid)))
}
