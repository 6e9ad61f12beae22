package inspect

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// printed prints what ipcs prints, to the letter, so that scripts can read either
// (ipcs.c of util-linux).
type printed struct {
	*listing
	io.Writer
	sizes sizes
	bare  bool // without headings
}

func (p *printed) head(title string, format string, columns ...any) {
	if p.bare {
		return
	}
	fmt.Fprintln(p, term.Head("------ "+title+" --------"))
	if format != "" {
		fmt.Fprintln(p, term.Head(strings.TrimSuffix(fmt.Sprintf(format, columns...), "\n")))
	}
}

func (p *printed) end() {
	if !p.bare {
		fmt.Fprintln(p)
	}
}

// objects prints what there is.
func (p *printed) objects(k kinds) {
	used, bytes := "used-bytes", "bytes"
	if p.sizes == human {
		used, bytes = "size", "size"
	}
	if k.Queues {
		p.head("Message Queues", "%-10s %-10s %-10s %-10s %-12s %-12s\n", "key", "msqid", "owner", "perms", used, "messages")
		for _, q := range p.queues {
			fmt.Fprintf(p, "%s%-12s %-12d\n", p.cells(q.ID, q.Perm), p.size(uint64(q.Bytes)), q.Messages)
		}
		p.end()
	}
	if k.Segments {
		p.head("Shared Memory Segments", "%-10s %-10s %-10s %-10s %-10s %-10s %-12s\n", "key", "shmid", "owner", "perms", bytes, "nattch", "status")
		for _, s := range p.segments {
			dest, locked := " ", " "
			if s.Dest {
				dest = "dest"
			}
			if s.Locked {
				locked = "locked"
			}
			fmt.Fprintf(p, "%s%-10s %-10d %-6s %-6s\n", p.cells(s.ID, s.Perm), p.size(uint64(s.Size)), s.Nattch, dest, locked)
		}
		p.end()
	}
	if k.Sets {
		p.head("Semaphore Arrays", "%-10s %-10s %-10s %-10s %-10s\n", "key", "semid", "owner", "perms", "nsems")
		for _, s := range p.sets {
			fmt.Fprintf(p, "%s%-10d\n", p.cells(s.ID, s.Perm), s.Len)
		}
		p.end()
	}
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

// size is a number of bytes that the kernel tells in bytes.
func (p *printed) size(n uint64) string {
	if p.sizes == human {
		return fmt.Sprintf("%6s", term.Bytes(n))
	}
	return strconv.FormatUint(n, 10)
}

// times prints when they were used and changed.
func (p *printed) times(k kinds) {
	if k.Queues {
		p.head("Message Queues Send/Recv/Change Times", "%-8s %-10s %-20s %-20s %-20s\n", "msqid", "owner", "send", "recv", "change")
		for _, q := range p.queues {
			fmt.Fprintf(p, "%-8d %-10.10s %-20s %-20s %-20s\n", q.ID, p.owner(q.Perm), short(q.STime), short(q.RTime), short(q.CTime))
		}
		p.end()
	}
	if k.Segments {
		p.head("Shared Memory Attach/Detach/Change Times", "%-10s %-10s %-20s %-20s %-20s\n", "shmid", "owner", "attached", "detached", "changed")
		for _, s := range p.segments {
			fmt.Fprintf(p, "%-10d %-10.10s %-20s %-20s %-20s\n", s.ID, p.owner(s.Perm), short(s.ATime), short(s.DTime), short(s.CTime))
		}
		p.end()
	}
	if k.Sets {
		p.head("Semaphore Operation/Change Times", "%-8s %-10s %-26s %-26s\n", "semid", "owner", "last-op", "last-changed")
		for _, s := range p.sets {
			fmt.Fprintf(p, "%-8d %-10.10s  %-26s %-26s\n", s.ID, p.owner(s.Perm), long(s.OTime), long(s.CTime))
		}
		p.end()
	}
}

const notSet = "Not set"

// short and long are a time as ctime(3) writes it.
func short(t time.Time) string {
	if t.IsZero() {
		return notSet
	}
	return t.Local().Format(time.Stamp)
}

func long(t time.Time) string {
	if t.IsZero() {
		return notSet
	}
	return t.Local().Format(time.ANSIC)
}

// pids prints who made them and used them last. Of sets the kernel does not tell.
func (p *printed) pids(k kinds) {
	if k.Queues {
		p.head("Message Queues PIDs", "%-10s %-10s %-10s %-10s\n", "msqid", "owner", "lspid", "lrpid")
		for _, q := range p.queues {
			fmt.Fprintf(p, "%-8d %-10.10s  %5d     %5d\n", q.ID, p.owner(q.Perm), q.LSPID, q.LRPID)
		}
		p.end()
	}
	if k.Segments {
		p.head("Shared Memory Creator/Last-op PIDs", "%-10s %-10s %-10s %-10s\n", "shmid", "owner", "cpid", "lpid")
		for _, s := range p.segments {
			fmt.Fprintf(p, "%-10d %-10.10s %-10d %-10d\n", s.ID, p.owner(s.Perm), s.CPID, s.LPID)
		}
		p.end()
	}
	if k.Sets {
		p.end()
	}
}

// creators prints whose they are and who made them.
func (p *printed) creators(k kinds) {
	rows := func(title, id string) {
		p.head(title, "%-10s %-10s %-10s %-10s %-10s %-10s\n", id, "perms", "cuid", "cgid", "uid", "gid")
	}
	row := func(id int, q sysv.Perm) {
		fmt.Fprintf(p, "%-10d %-10o %-10s %-10s %-10s %-10s\n", id, uint32(q.Mode), p.user(q.CUID), p.group(q.CGID), p.user(q.UID), p.group(q.GID))
	}
	if k.Queues {
		rows("Message Queues Creators/Owners", "msqid")
		for _, q := range p.queues {
			row(q.ID, q.Perm)
		}
		p.end()
	}
	if k.Segments {
		rows("Shared Memory Segment Creators/Owners", "shmid")
		for _, s := range p.segments {
			row(s.ID, s.Perm)
		}
		p.end()
	}
	if k.Sets {
		rows("Semaphore Arrays Creators/Owners", "semid")
		for _, s := range p.sets {
			row(s.ID, s.Perm)
		}
		p.end()
	}
}

// limits prints those of the namespace.
func (p *printed) limits(k kinds) error {
	// size prints a limit that is in units of so many bytes.
	size := func(what string, unit string, n, bytes uint64) {
		if p.sizes == human {
			fmt.Fprintf(p, "%s = %s\n", what, term.Bytes(bytes))
		} else {
			fmt.Fprintf(p, "%s (%s) = %d\n", what, unit, n)
		}
	}
	if k.Queues {
		l, err := msg.Limits()
		if err != nil {
			return err
		}
		p.head("Messages Limits", "")
		fmt.Fprintf(p, "max queues system wide = %d\n", l.MsgMNI)
		size("max size of message", "bytes", uint64(l.MsgMax), uint64(l.MsgMax))
		size("default max size of queue", "bytes", uint64(l.MsgMNB), uint64(l.MsgMNB))
		p.end()
	}
	if k.Segments {
		l, err := shm.Limits()
		if err != nil {
			return err
		}
		page := uint64(os.Getpagesize())
		largest, all, unit := l.ShmMax/1024, pages(l.ShmAll, page/1024), "kbytes"
		if p.sizes == exact {
			largest, all, unit = l.ShmMax, pages(l.ShmAll, page), "bytes"
		}
		p.head("Shared Memory Limits", "")
		fmt.Fprintf(p, "max number of segments = %d\n", l.ShmMNI)
		size("max seg size", unit, largest, l.ShmMax)
		size("max total shared memory", unit, all, pages(l.ShmAll, page))
		size("min seg size", "bytes", l.ShmMin, l.ShmMin)
		p.end()
	}
	if k.Sets {
		l, err := sem.Limits()
		if err != nil {
			return err
		}
		p.head("Semaphore Limits", "")
		fmt.Fprintf(p, "max number of arrays = %d\nmax semaphores per array = %d\nmax semaphores system wide = %d\n"+
			"max ops per semop call = %d\nsemaphore max value = %d\n", l.SemMNI, l.SemMSL, l.SemMNS, l.SemOPM, l.SemVMX)
		p.end()
	}
	return nil
}

// pages is n pages of so many units, or as many whole pages as 64 bits can say.
func pages(n, page uint64) uint64 {
	if page != 0 && n > math.MaxUint64/page {
		return math.MaxUint64 - math.MaxUint64%page
	}
	return n * page
}

// summary prints what is in use.
func (p *printed) summary(k kinds) error {
	if k.Queues {
		u, err := msg.Usage()
		if err != nil {
			return err
		}
		p.head("Messages Status", "")
		fmt.Fprintf(p, "allocated queues = %d\nused headers = %d\n", u.Queues, u.Messages)
		switch p.sizes {
		case human:
			fmt.Fprintf(p, "used space = %s\n", term.Bytes(uint64(u.Bytes)))
		case exact:
			fmt.Fprintf(p, "used space (bytes) = %d\n", u.Bytes)
		default:
			fmt.Fprintf(p, "used space = %d bytes\n", u.Bytes)
		}
		p.end()
	}
	if k.Segments {
		u, err := shm.Usage()
		if err != nil {
			return err
		}
		p.head("Shared Memory Status", "")
		// Linux has counted no attempts to swap since 2.3.
		fmt.Fprintf(p, "segments allocated %d\npages allocated %d\npages resident  %d\npages swapped   %d\n"+
			"Swap performance: 0 attempts\t 0 successes\n", u.Segments, u.Pages, u.Resident, u.Swapped)
		p.end()
	}
	if k.Sets {
		u, err := sem.Usage()
		if err != nil {
			return err
		}
		p.head("Semaphore Status", "")
		fmt.Fprintf(p, "used arrays = %d\nallocated semaphores = %d\n", u.Sets, u.Semaphores)
		p.end()
	}
	return nil
}
