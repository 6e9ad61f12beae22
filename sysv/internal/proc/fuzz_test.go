package proc

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The kernel's own formats, of ipc/shm.c, ipc/sem.c and ipc/msg.c.
const (
	shmFormat = "%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n"
	semFormat = "%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n"
	msgFormat = "%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n"
)

func FuzzShm(f *testing.F) {
	f.Add(shmHeading + "-1 32769 1600 5000 4711 4712 2 1000 100 0 999 1700000000 0 1699999999 8192 4096\n")
	f.Add(shmHeading + "1 2 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		readsBack(t, text, parseShm, func(s Shm) string {
			return fmt.Sprintf(shmFormat, s.Key, s.ID, s.Mode, s.Size, s.CPID, s.LPID, s.Nattch,
				s.UID, s.GID, s.CUID, s.CGID, s.ATime, s.DTime, s.CTime, s.RSS, s.Swap)
		})
	})
}

func FuzzSem(f *testing.F) {
	f.Add(semHeading + "-1 32769 600 3 1000 100 0 999 1700000000 1699999999\n")
	f.Add(semHeading + "1 2 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		readsBack(t, text, parseSem, func(s Sem) string {
			return fmt.Sprintf(semFormat, s.Key, s.ID, s.Mode, s.Nsems,
				s.UID, s.GID, s.CUID, s.CGID, s.OTime, s.CTime)
		})
	})
}

func FuzzMsg(f *testing.F) {
	f.Add(msgHeading + "-1 32769 600 64 1 4711 4712 1000 100 0 999 1700000000 0 1699999999\n")
	f.Add(msgHeading + "1 2 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		readsBack(t, text, parseMsg, func(m Msg) string {
			return fmt.Sprintf(msgFormat, m.Key, m.ID, m.Mode, m.CBytes, m.QNum, m.LSPID, m.LRPID,
				m.UID, m.GID, m.CUID, m.CGID, m.STime, m.RTime, m.CTime)
		})
	})
}

// readsBack checks that of any text either nothing is read, with an error, or
// a table that says what the text says, and is the same once the kernel has
// printed it.
func readsBack[T any](t *testing.T, text string, parse func(*row) T, format func(T) string) {
	table, err := parseTable(strings.NewReader(text), parse)
	if err != nil {
		if table != nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Fatalf("%q: %v, %v", text, table, err)
		}
		return
	}
	if lines := strings.Count(text, "\n"); len(table) > lines {
		t.Fatalf("%q: %d entries of %d lines", text, len(table), lines)
	}
	printed := "heading\n"
	given := strings.Split(text, "\n")
	for i, v := range table {
		line := format(v)
		sameNumbers(t, given[1+i], line)
		printed += line
	}
	again, err := parseTable(strings.NewReader(printed), parse)
	if diff := cmp.Diff(table, again); err != nil || diff != "" {
		t.Errorf("%q, printed %q: %v (-first +again)\n%s", text, printed, err, diff)
	}
}

// sameNumbers checks that a line begins with the numbers of another one. The
// third is octal.
func sameNumbers(t *testing.T, given, printed string) {
	columns := strings.Fields(given)
	for i, column := range strings.Fields(printed) {
		base := 10
		if i == 2 {
			base = 8
		}
		var want, got big.Int
		if _, ok := want.SetString(columns[i], base); !ok {
			t.Fatalf("column %d of %q was read, which is no number", i, given)
		}
		if got.SetString(column, base); got.Cmp(&want) != 0 {
			t.Fatalf("column %d of %q was read as %s", i, given, column)
		}
	}
}

func FuzzSysctl(f *testing.F) {
	f.Add("4096\n")
	f.Add("32000\t1024000000\t500\t32000\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		vals, err := parseSysctl(text)
		if err != nil {
			return
		}
		fields := strings.Fields(text)
		if len(vals) == 0 || len(vals) != len(fields) {
			t.Fatalf("%q: %v", text, vals)
		}
		for i, v := range vals {
			if want, ok := new(big.Int).SetString(fields[i], 10); !ok || !want.IsUint64() || want.Uint64() != v {
				t.Errorf("%q: number %d was read as %d", text, i, v)
			}
		}
	})
}
