// Package proc reads the kernel's tables of System V objects, /proc/sysvipc,
// which show every object of the caller's IPC namespace to everybody, and the
// limits in /proc/sys/kernel. The formats are those of proc(5), printed by
// sysvipc_shm_proc_show, sysvipc_sem_proc_show and sysvipc_msg_proc_show in the
// kernel's ipc/.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"example.com/sysvipc/sysv/internal/sys"
)

// Shm is a line of /proc/sysvipc/shm. Perm.Seq is not in it.
type Shm struct {
	ID int
	sys.Shm
	RSS, Swap uint64 // bytes
}

// Sem is a line of /proc/sysvipc/sem. Perm.Seq is not in it.
type Sem struct {
	ID int
	sys.Sem
}

// Msg is a line of /proc/sysvipc/msg. Perm.Seq and QBytes are not in it.
type Msg struct {
	ID int
	sys.Msg
}

// Segments returns the table of shared memory segments.
func Segments() ([]Shm, error) { return read("/proc/sysvipc/shm", parseShm) }

// Sets returns the table of semaphore sets.
func Sets() ([]Sem, error) { return read("/proc/sysvipc/sem", parseSem) }

// Queues returns the table of message queues.
func Queues() ([]Msg, error) { return read("/proc/sysvipc/msg", parseMsg) }

func read[T any](path string, parse func(*row) T) ([]T, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	table, err := parseTable(text, parse)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return table, nil
}

// readFile reads a file of /proc where that is the kernel's: a program for
// another system may see it too, as under node on Linux.
func readFile(path string) ([]byte, error) {
	if err := sys.Supported(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// parseTable skips the heading and makes one T of each line. Columns that a
// newer kernel adds at the right are passed over.
func parseTable[T any](text []byte, parse func(*row) T) ([]T, error) {
	_, text, _ = bytes.Cut(text, []byte("\n"))
	table := slices.Grow[[]T](nil, bytes.Count(text, []byte("\n")))
	var r row
	for n := 2; len(text) > 0; n++ {
		r.rest, text, _ = bytes.Cut(text, []byte("\n"))
		v := parse(&r)
		if r.err != nil {
			return nil, fmt.Errorf("line %d: %w", n, r.err)
		}
		table = append(table, v)
	}
	return table, nil
}

func parseShm(r *row) (s Shm) {
	s.Key = int32(r.signed(32))
	s.ID = int(r.signed(32))
	s.Mode = uint32(r.unsigned(8, 32))
	s.Size = r.unsigned(10, 64)
	s.CPID = int32(r.unsigned(10, 31))
	s.LPID = int32(r.unsigned(10, 31))
	s.Nattch = r.unsigned(10, 64)
	r.owner(&s.Perm)
	s.ATime = r.signed(64)
	s.DTime = r.signed(64)
	s.CTime = r.signed(64)
	s.RSS = r.unsigned(10, 64)
	s.Swap = r.unsigned(10, 64)
	return s
}

func parseSem(r *row) (s Sem) {
	s.Key = int32(r.signed(32))
	s.ID = int(r.signed(32))
	s.Mode = uint32(r.unsigned(8, 32))
	s.Nsems = r.unsigned(10, 64)
	r.owner(&s.Perm)
	s.OTime = r.signed(64)
	s.CTime = r.signed(64)
	return s
}

func parseMsg(r *row) (m Msg) {
	m.Key = int32(r.signed(32))
	m.ID = int(r.signed(32))
	m.Mode = uint32(r.unsigned(8, 32))
	m.CBytes = r.unsigned(10, 64)
	m.QNum = r.unsigned(10, 64)
	m.LSPID = int32(r.unsigned(10, 31))
	m.LRPID = int32(r.unsigned(10, 31))
	r.owner(&m.Perm)
	m.STime = r.signed(64)
	m.RTime = r.signed(64)
	m.CTime = r.signed(64)
	return m
}

// row takes a line's columns from left to right. It keeps the first error,
// after which every column is 0.
type row struct {
	rest []byte
	err  error
}

func (r *row) owner(p *sys.Perm) {
	p.UID = uint32(r.unsigned(10, 32))
	p.GID = uint32(r.unsigned(10, 32))
	p.CUID = uint32(r.unsigned(10, 32))
	p.CGID = uint32(r.unsigned(10, 32))
}

func (r *row) signed(bits int) int64 {
	if r.err != nil {
		return 0
	}
	var v int64
	v, r.err = strconv.ParseInt(string(r.column()), 10, bits)
	return v
}

func (r *row) unsigned(base, bits int) uint64 {
	if r.err != nil {
		return 0
	}
	var v uint64
	v, r.err = strconv.ParseUint(string(r.column()), base, bits)
	return v
}

func (r *row) column() []byte {
	rest := bytes.TrimLeft(r.rest, " ")
	end := bytes.IndexByte(rest, ' ')
	if end < 0 {
		end = len(rest)
	}
	r.rest = rest[end:]
	return rest[:end]
}

// Sysctl reads the numbers in a file of /proc/sys/kernel, of the caller's IPC
// namespace: "shmmax" and "msgmax" have one, "sem" four.
func Sysctl(name string) ([]uint64, error) {
	path := "/proc/sys/kernel/" + name
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	vals, err := parseSysctl(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return vals, nil
}

func parseSysctl(text string) ([]uint64, error) {
	var vals []uint64
	for _, f := range strings.Fields(text) {
		v, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return nil, err
		}
		vals = append(vals, v)
	}
	if len(vals) == 0 {
		return nil, fmt.Errorf("no number in %q", text)
	}
	return vals, nil
}
