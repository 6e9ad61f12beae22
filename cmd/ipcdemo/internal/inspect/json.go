package inspect

import (
	"io"
	"strconv"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

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

// printJSON prints all that the kernel tells of what was asked for.
func (c *Ls) printJSON(w io.Writer, d *details) error {
	k := c.which()
	switch {
	case c.Limits:
		v, err := limitsJSON(k)
		if err != nil {
			return err
		}
		return term.PrintJSON(w, v)
	case c.Summary:
		v, err := usageJSON(k)
		if err != nil {
			return err
		}
		return term.PrintJSON(w, v)
	}
	return term.PrintJSON(w, d.json())
}

func (l *listing) json() any {
	out := struct {
		Queues   []queueJSON   `json:"queues"`
		Segments []segmentJSON `json:"segments"`
		Sets     []setJSON     `json:"sets"`
	}{[]queueJSON{}, []segmentJSON{}, []setJSON{}}
	for _, q := range l.queues {
		out.Queues = append(out.Queues, l.queueJSON(q))
	}
	for _, s := range l.segments {
		out.Segments = append(out.Segments, l.segmentJSON(s))
	}
	for _, s := range l.sets {
		out.Sets = append(out.Sets, l.setJSON(s))
	}
	return out
}

func (l *listing) queueJSON(q msg.Stat) queueJSON {
	return queueJSON{
		l.perm(q.ID, q.Perm), q.Messages, q.Bytes, q.MaxBytes, q.LSPID, q.LRPID,
		timeJSON(q.STime), timeJSON(q.RTime), timeJSON(q.CTime)}
}

func (l *listing) segmentJSON(s shm.Stat) segmentJSON {
	return segmentJSON{
		l.perm(s.ID, s.Perm), s.Size, s.Nattch, s.Dest, s.Locked, s.CPID, s.LPID,
		timeJSON(s.ATime), timeJSON(s.DTime), timeJSON(s.CTime), s.RSS, s.Swap}
}

func (l *listing) setJSON(s sem.Stat) setJSON {
	return setJSON{l.perm(s.ID, s.Perm), s.Len, timeJSON(s.OTime), timeJSON(s.CTime)}
}

// userJSON is a process that has a segment attached, once for each attachment.
type userJSON struct {
	PID     int    `json:"pid"`
	Command string `json:"command"` // "" where it can't be seen
}

// oneJSON is all that is known of one object.
func (d *details) oneJSON(o object) any {
	d.modules()
	switch {
	case o.queue != nil:
		return d.queueJSON(*o.queue)
	case o.segment != nil:
		pids, hidden := d.attached(o.segment)
		users := []userJSON{}
		for _, pid := range pids {
			users = append(users, userJSON{pid, program(pid)})
		}
		return struct {
			segmentJSON
			Users  []userJSON `json:"users"`
			Hidden int        `json:"users_out_of_sight"`
			Module *module    `json:"module"` // null for what is none of this module's
		}{d.segmentJSON(*o.segment), users, hidden, d.there[o.id]}
	}
	s := d.semaphores(o.id)
	out := struct {
		setJSON
		Semaphores []semaphore `json:"semaphores"` // null where they may not be read
		What       string      `json:"what"`       // whose of this module's it is, or ""
	}{d.setJSON(*o.set), s.all, d.what(o)}
	return out
}

// limitsJSON and usageJSON are in the kernel's terms.
func limitsJSON(k kinds) (map[string]any, error) {
	out := make(map[string]any)
	if k.Queues {
		l, err := msg.Limits()
		if err != nil {
			return nil, err
		}
		out["queues"] = map[string]any{"msgmni": l.MsgMNI, "msgmax": l.MsgMax, "msgmnb": l.MsgMNB}
	}
	if k.Segments {
		l, err := shm.Limits()
		if err != nil {
			return nil, err
		}
		out["segments"] = map[string]any{"shmmni": l.ShmMNI, "shmmax": l.ShmMax, "shmall": l.ShmAll, "shmmin": l.ShmMin}
	}
	if k.Sets {
		l, err := sem.Limits()
		if err != nil {
			return nil, err
		}
		out["sets"] = map[string]any{"semmni": l.SemMNI, "semmsl": l.SemMSL, "semmns": l.SemMNS, "semopm": l.SemOPM, "semvmx": l.SemVMX}
	}
	return out, nil
}

func usageJSON(k kinds) (map[string]any, error) {
	out := make(map[string]any)
	if k.Queues {
		u, err := msg.Usage()
		if err != nil {
			return nil, err
		}
		out["queues"] = map[string]any{"queues": u.Queues, "messages": u.Messages, "bytes": u.Bytes}
	}
	if k.Segments {
		u, err := shm.Usage()
		if err != nil {
			return nil, err
		}
		out["segments"] = map[string]any{"segments": u.Segments, "pages": u.Pages, "resident": u.Resident, "swapped": u.Swapped}
	}
	if k.Sets {
		u, err := sem.Usage()
		if err != nil {
			return nil, err
		}
		out["sets"] = map[string]any{"sets": u.Sets, "semaphores": u.Semaphores}
	}
	return out, nil
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
