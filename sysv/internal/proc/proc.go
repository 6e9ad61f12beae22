// Package proc reads the kernel's tables of System V objects, /proc/sysvipc,
// which show every object of the caller's IPC namespace to everybody, and the
// limits in /proc/sys/kernel. The formats are those of proc(5), printed by
// sysvipc_shm_proc_show, sysvipc_sem_proc_show and sysvipc_msg_proc_show in the
// kernel's ipc/.
package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
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

// Segments makes one T of each line of the table of shared memory segments.
func Segments[T any](convert func(Shm) T) ([]T, error) {
	return read("/proc/sysvipc/shm", func(r *row) T { return convert(parseShm(r)) })
}

// Sets makes one T of each line of the table of semaphore sets.
func Sets[T any](convert func(Sem) T) ([]T, error) {
	return read("/proc/sysvipc/sem", func(r *row) T { return convert(parseSem(r)) })
}

// Queues makes one T of each line of the table of message queues.
func Queues[T any](convert func(Msg) T) ([]T, error) {
	return read("/proc/sysvipc/msg", func(r *row) T { return convert(parseMsg(r)) })
}

func read[T any](path string, parse func(*row) T) ([]T, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := parseTable(f, parse)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return table, nil
}

// open opens a file of /proc where that is the kernel's: a program for another
// system may see it too, as under node on Linux.
func open(path string) (*os.File, error) {
	if err := sys.Supported(); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// parseTable skips the heading and makes one T of each line. Columns that a
// newer kernel adds at the right are passed over.
func parseTable[T any](text io.Reader, parse func(*row) T) ([]T, error) {
	// There may be thousands of lines. The kernel hands out up to 4096 bytes at
	// a time (seq_read), whatever is asked for.
	lines := bufio.NewReaderSize(text, 2*4096)
	var table []T
	var r row
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if len(line) == 0 && err == io.EOF {
			return table, nil
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			continue
		}
		r.rest = bytes.TrimSuffix(line, []byte("\n"))
		v := parse(&r)
		if r.err != nil {
			return nil, fmt.Errorf("line %d: %w", n, r.err)
		}
		if len(table) == cap(table) {
			table = slices.Grow(table, len(table)+1) // append would copy a large one more often
		}
		table = append(table, v)
	}
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

// row takes a line's columns from left to right, and keeps the first error.
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
	column := r.column()
	digits, negative := bytes.CutPrefix(column, []byte("-"))
	if v, ok := short(digits, 10); ok && v>>(bits-1) == 0 {
		if negative {
			return -int64(v)
		}
		return int64(v)
	}
	v, err := strconv.ParseInt(string(column), 10, bits)
	r.keep(err)
	return v
}

func (r *row) unsigned(base, bits int) uint64 {
	column := r.column()
	if v, ok := short(column, base); ok && v>>bits == 0 {
		return v
	}
	v, err := strconv.ParseUint(string(column), base, bits)
	r.keep(err)
	return v
}

// short reads what nearly every column is, faster than strconv: digits, and so few
// that they fit. It leaves the rest, and what to say of it, to strconv.
func short(digits []byte, base int) (v uint64, ok bool) {
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		d := uint64(c) - '0'
		if d >= uint64(base) {
			return 0, false
		}
		v = v*uint64(base) + d
	}
	return v, true
}

func (r *row) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *row) column() []byte {
	begin := 0
	for begin < len(r.rest) && r.rest[begin] == ' ' {
		begin++
	}
	end := begin
	for end < len(r.rest) && r.rest[end] != ' ' {
		end++
	}
	column := r.rest[begin:end]
	r.rest = r.rest[end:]
	return column
}

// Sysctl reads the numbers in a file of /proc/sys/kernel, of the caller's IPC
// namespace: "shmmax" and "msgmax" have one, "sem" four.
func Sysctl(name string) ([]uint64, error) {
	path := "/proc/sys/kernel/" + name
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
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
