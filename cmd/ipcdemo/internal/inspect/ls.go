package inspect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Ls lists objects.
type Ls struct {
	kinds
	All bool `name:"all" short:"a" help:"All three kinds, as without any of -q, -m and -s."`
	ID  *int `name:"id" short:"i" placeholder:"ID" help:"All that is known of the one with this id; with one of -q, -m and -s."`

	Time     bool   `name:"time" short:"t" xor:"what" help:"When they were used and changed."`
	PIDs     bool   `name:"pid" short:"p" xor:"what" help:"Who created them and used them last."`
	Creator  bool   `name:"creator" short:"c" xor:"what" help:"Who created them and owns them."`
	Limits   bool   `name:"limits" short:"l" xor:"what" help:"The limits of this IPC namespace."`
	Summary  bool   `name:"summary" short:"u" xor:"what" help:"What is in use of them."`
	Output   names  `name:"output" short:"o" xor:"what" placeholder:"COLUMN,..." help:"These columns; ? lists all."`
	Human    bool   `name:"human" xor:"sizes" help:"Sizes as 4.9K, as --output and --id have them."`
	Bytes    bool   `name:"bytes" short:"b" xor:"sizes" help:"Sizes in bytes, to the last one."`
	Sort     string `name:"sort" placeholder:"COLUMN" help:"In the order of a column, or with a minus before it the other way round."`
	User     string `name:"user" placeholder:"USER" help:"Only what belongs to this user, by name or number."`
	Headless bool   `name:"noheadings" help:"Without titles and the names of columns."`
	JSON     bool   `name:"json" short:"J" help:"Print all that the kernel tells, as JSON."`
}

// sizes are how numbers of bytes are written.
type sizes int

const (
	byDefault sizes = iota
	human
	exact
)

func (c *Ls) sizes() sizes {
	switch {
	case c.Human:
		return human
	case c.Bytes:
		return exact
	}
	return byDefault
}

// which are the kinds that are meant.
func (c *Ls) which() kinds {
	if c.All {
		return ofAll
	}
	return c.kinds.orAll()
}

// Validate refuses what can't be meant.
func (c *Ls) Validate() error {
	if c.ID != nil && (!c.kinds.one() || c.All) {
		return errors.New("--id needs one of -q, -m and -s: each kind has ids of its own")
	}
	if c.ID != nil && (c.Limits || c.Summary || c.Time || c.PIDs || c.Creator) {
		return errors.New("--id tells all that is known already")
	}
	if slices.Equal(c.Output, names{"?"}) {
		return nil
	}
	if _, err := findColumns(c.Output, c.which()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	d := details{listing: new(listing)}
	if err := d.order(c.which(), c.Sort); err != nil {
		return fmt.Errorf("--sort: %w", err)
	}
	if c.User != "" {
		if _, err := uidOf(c.User); err != nil {
			return fmt.Errorf("--user: %w", err)
		}
	}
	return nil
}

// uidOf is the number of a user, by name or number.
func uidOf(name string) (uint32, error) {
	u, err := user.Lookup(name)
	if err == nil {
		name = u.Uid
	}
	uid, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("no user is called %q", name)
	}
	return uint32(uid), nil
}

// Run prints what ipcs prints, to the letter, unless it is asked for more.
func (c *Ls) Run() error { return c.Print(os.Stdout) }

// Print prints to w what Run prints.
func (c *Ls) Print(w io.Writer) error {
	if slices.Equal(c.Output, names{"?"}) {
		return c.printColumns(w)
	}
	l, err := list(c.which())
	if err != nil {
		return err
	}
	d := &details{listing: l}
	if c.User != "" {
		l.keep(c.User)
	}
	if err := d.order(c.which(), c.Sort); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if err := c.print(out, d); err != nil {
		return err
	}
	return out.Flush()
}

func (c *Ls) print(w io.Writer, d *details) error {
	switch {
	case c.ID != nil:
		return c.printOne(w, d)
	case c.Output != nil:
		return c.printTables(w, d)
	case c.JSON:
		return c.printJSON(w, d)
	}
	k := c.which()
	p := printed{d.listing, w, c.sizes(), c.Headless}
	p.end() // with which ipcs begins
	switch {
	case c.Time:
		p.times(k)
	case c.PIDs:
		p.pids(k)
	case c.Creator:
		p.creators(k)
	case c.Limits:
		return p.limits(k)
	case c.Summary:
		return p.summary(k)
	default:
		p.objects(k)
	}
	return nil
}

// keep drops what belongs to others.
func (l *listing) keep(name string) {
	uid, err := uidOf(name)
	others := func(owner uint32) bool { return err != nil || owner != uid }
	l.queues = slices.DeleteFunc(l.queues, func(q msg.Stat) bool { return others(q.UID) })
	l.segments = slices.DeleteFunc(l.segments, func(s shm.Stat) bool { return others(s.UID) })
	l.sets = slices.DeleteFunc(l.sets, func(s sem.Stat) bool { return others(s.UID) })
}

// printColumns explains all columns that there are.
func (c *Ls) printColumns(w io.Writer) error {
	t := term.NewTable(w, 0)
	for _, col := range columns {
		if col.isOf(c.which()) {
			t.Row(col.name, col.says)
		}
	}
	return t.Flush()
}
