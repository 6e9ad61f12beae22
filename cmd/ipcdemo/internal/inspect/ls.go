package inspect

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

type Ls struct {
	Queues   bool `name:"queues" short:"q" help:"Message queues only."`
	Segments bool `name:"shmems" short:"m" help:"Segments only."`
	Sets     bool `name:"semaphores" short:"s" help:"Semaphore sets only."`
	JSON     bool `name:"json" help:"Print all that the kernel tells, as JSON."`
}

// Run prints what ipcs prints, to the letter, so that scripts can read either.
func (c *Ls) Run() error { return c.Print(os.Stdout) }

func (c *Ls) Print(w io.Writer) error {
	if !c.Queues && !c.Segments && !c.Sets {
		c.Queues, c.Segments, c.Sets = true, true, true
	}
	var l listing
	var err error
	if c.Queues {
		if l.queues, err = msg.List(); err != nil {
			return err
		}
	}
	if c.Segments {
		if l.segments, err = shm.List(); err != nil {
			return err
		}
	}
	if c.Sets {
		if l.sets, err = sem.List(); err != nil {
			return err
		}
	}
	if c.JSON {
		return term.PrintJSON(w, l.json())
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out)
	if c.Queues {
		l.printQueues(out)
	}
	if c.Segments {
		l.printSegments(out)
	}
	if c.Sets {
		l.printSets(out)
	}
	return out.Flush()
}

type listing struct {
	queues   []msg.Stat
	segments []shm.Stat
	sets     []sem.Stat
	names    map[uint32]string
	rings    map[int]int // for a view: of which segment a set is the ring's
	row      []byte
}

func (l *listing) printQueues(w io.Writer) {
	fmt.Fprintf(w, "------ Message Queues --------\n")
	fmt.Fprintf(w, "%-10s %-10s %-10s %-10s %-12s %-12s\n", "key", "msqid", "owner", "perms", "used-bytes", "messages")
	for _, q := range l.queues {
		fmt.Fprintf(w, "%s%-12d %-12d\n", l.cells(q.ID, q.Perm), q.Bytes, q.Messages)
	}
	fmt.Fprintln(w)
}

func (l *listing) printSegments(w io.Writer) {
	fmt.Fprintf(w, "------ Shared Memory Segments --------\n")
	fmt.Fprintf(w, "%-10s %-10s %-10s %-10s %-10s %-10s %-12s\n", "key", "shmid", "owner", "perms", "bytes", "nattch", "status")
	for _, s := range l.segments {
		dest, locked := " ", " "
		if s.Dest {
			dest = "dest"
		}
		if s.Locked {
			locked = "locked"
		}
		fmt.Fprintf(w, "%s%-10d %-10d %-6s %-6s\n", l.cells(s.ID, s.Perm), s.Size, s.Nattch, dest, locked)
	}
	fmt.Fprintln(w)
}

func (l *listing) printSets(w io.Writer) {
	fmt.Fprintf(w, "------ Semaphore Arrays --------\n")
	fmt.Fprintf(w, "%-10s %-10s %-10s %-10s %-10s\n", "key", "semid", "owner", "perms", "nsems")
	for _, s := range l.sets {
		fmt.Fprintf(w, "%s%-10d\n", l.cells(s.ID, s.Perm), s.Len)
	}
	fmt.Fprintln(w)
}

// cells are those that a row of any kind begins with, of 10 characters each as
// "%-10.10s ". There may be thousands of rows, and fmt takes far longer.
func (l *listing) cells(id int, p sysv.Perm) []byte {
	const blank = "           "
	row := l.row[:0]
	for _, cell := range [...]string{p.Key.String(), strconv.Itoa(id), l.owner(p), strconv.FormatUint(uint64(p.Mode), 8)} {
		cut, n := len(cell), 0
		for i := range cell {
			if n == len(blank)-1 {
				cut = i
				break
			}
			n++
		}
		row = append(append(row, cell[:cut]...), blank[n:]...)
	}
	l.row = row
	return row
}

// owner is the owner's name, or number where the system knows no name. ipcs
// prints the first 10 characters of either.
func (l *listing) owner(p sysv.Perm) string {
	name, ok := l.names[p.UID]
	if !ok {
		name = strconv.FormatUint(uint64(p.UID), 10)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		if l.names == nil {
			l.names = make(map[uint32]string)
		}
		l.names[p.UID] = name
	}
	return name
}

// permJSON is what all kinds have in common, in the kernel's terms.
type permJSON struct {
	Key   string `json:"key"`
	ID    int    `json:"id"`
	Owner string `json:"owner"`
	Perms string `json:"perms"` // octal
	UID   uint32 `json:"uid"`
	GID   uint32 `json:"gid"`
	CUID  uint32 `json:"cuid"`
	CGID  uint32 `json:"cgid"`
}

type queueJSON struct {
	permJSON
	Messages int        `json:"messages"`
	Bytes    int        `json:"bytes"`
	MaxBytes int        `json:"max_bytes"`
	LSPID    int        `json:"lspid"`
	LRPID    int        `json:"lrpid"`
	STime    *time.Time `json:"stime"` // null for never
	RTime    *time.Time `json:"rtime"`
	CTime    *time.Time `json:"ctime"`
}

type segmentJSON struct {
	permJSON
	Bytes  int64      `json:"bytes"`
	Nattch int        `json:"nattch"`
	Dest   bool       `json:"dest"`
	Locked bool       `json:"locked"`
	CPID   int        `json:"cpid"`
	LPID   int        `json:"lpid"`
	ATime  *time.Time `json:"atime"` // null for never
	DTime  *time.Time `json:"dtime"`
	CTime  *time.Time `json:"ctime"`
	RSS    int64      `json:"rss"`
	Swap   int64      `json:"swap"`
}

type setJSON struct {
	permJSON
	Nsems int        `json:"nsems"`
	OTime *time.Time `json:"otime"`
	CTime *time.Time `json:"ctime"`
}

func (l *listing) json() any {
	out := struct {
		Queues   []queueJSON   `json:"queues"`
		Segments []segmentJSON `json:"segments"`
		Sets     []setJSON     `json:"sets"`
	}{[]queueJSON{}, []segmentJSON{}, []setJSON{}}
	for _, q := range l.queues {
		out.Queues = append(out.Queues, queueJSON{
			l.perm(q.ID, q.Perm), q.Messages, q.Bytes, q.MaxBytes, q.LSPID, q.LRPID,
			timeJSON(q.STime), timeJSON(q.RTime), timeJSON(q.CTime)})
	}
	for _, s := range l.segments {
		out.Segments = append(out.Segments, segmentJSON{
			l.perm(s.ID, s.Perm), s.Size, s.Nattch, s.Dest, s.Locked, s.CPID, s.LPID,
			timeJSON(s.ATime), timeJSON(s.DTime), timeJSON(s.CTime), s.RSS, s.Swap})
	}
	for _, s := range l.sets {
		out.Sets = append(out.Sets, setJSON{l.perm(s.ID, s.Perm), s.Len, timeJSON(s.OTime), timeJSON(s.CTime)})
	}
	return out
}

func (l *listing) perm(id int, p sysv.Perm) permJSON {
	return permJSON{p.Key.String(), id, l.owner(p), strconv.FormatUint(uint64(p.Mode), 8), p.UID, p.GID, p.CUID, p.CGID}
}

func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
