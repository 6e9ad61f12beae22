//go:build linux && !android

package sem_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"github.com/google/go-cmp/cmp"
)

func TestIpcsShowsOurs(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	s, err := sem.Create(key, []int{1, 2, 3}, &sem.Config{Mode: 0o640})
	kit.Must(t, err)
	out := kit.Run(t, "ipcs", "-s")
	for line := range strings.Lines(out) {
		f := strings.Fields(line) // key semid owner perms nsems
		if len(f) == 5 && f[0] == key.String() {
			if f[1] != strconv.Itoa(s.ID()) || f[3] != "640" || f[4] != "3" {
				t.Errorf("ipcs shows %q of set %d", line, s.ID())
			}
			return
		}
	}
	t.Errorf("ipcs does not show key %v:\n%s", key, out)
}

// In a crowded namespace List and ipcs agree line by line, in their order too.
func TestListAgreesWithIpcs(t *testing.T) {
	for i, s := range manySets(t) {
		mode := fs.FileMode(i % 0o600) // 0o601 is refused
		if os.Geteuid() != 0 {
			kit.Must(t, s.SetMode(mode))
			continue
		}
		owner := uint32(i % 7) // whose names most systems know
		if i%100 == 0 {
			owner = math.MaxUint32 - 1 - uint32(i)
		}
		kit.Must(t, s.SetPerm(owner, uint32(i), mode))
	}
	var want, got []string
	for line := range strings.Lines(kit.Run(t, "ipcs", "-s")) {
		if strings.HasPrefix(line, "0x") {
			want = append(want, strings.Join(strings.Fields(line), " "))
		}
	}
	owners := make(map[uint32]string)
	for _, stat := range list(t) {
		if owners[stat.UID] == "" {
			owners[stat.UID] = strconv.FormatUint(uint64(stat.UID), 10)
			if u, err := user.LookupId(owners[stat.UID]); err == nil {
				owners[stat.UID] = fmt.Sprintf("%.10s", u.Username) // there ipcs cuts it
			}
		}
		got = append(got, fmt.Sprintf("%v %d %s %o %d", stat.Key, stat.ID, owners[stat.UID], uint32(stat.Mode), stat.Len))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ipcs +List):\n%s", diff)
	}
	if len(got) < 4000 {
		t.Errorf("only %d sets are listed", len(got))
	}
}

// manySets makes 4000, which are gone after the test.
func manySets(t testing.TB) (sets []*sem.Set) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: 4000 sets are too many for everybody's namespace: run as root, or allow user namespaces (sysctl user.max_user_namespaces)")
	}
	for i := range 4000 {
		s, err := sem.Create(sysv.RandomKey(), repeat(1+i%5, i), nil)
		kit.Must(t, err)
		t.Cleanup(func() { kit.Must(t, s.Remove()) })
		sets = append(sets, s)
	}
	return sets
}

// BenchmarkList is against ipcs, its start included.
func BenchmarkList(b *testing.B) {
	manySets(b)
	ms := func(f func()) compare.Measure {
		return func() float64 { return compare.Nanoseconds(1, f)() / 1e6 }
	}
	compare.Report(b, "ms/list", ms(func() { list(b) }), "ipcs", ms(func() { kit.Run(b, "ipcs", "-s") }))
}

func TestIpcrmRemovesOurs(t *testing.T) {
	byID := newSet(t, 1)
	kit.Run(t, "ipcrm", "-s", strconv.Itoa(byID.ID()))
	kit.WantError(t, byID.Remove(), sysv.ErrRemoved)

	key := newKey(t)
	byKey, err := sem.Create(key, []int{1}, nil)
	kit.Must(t, err)
	kit.Run(t, "ipcrm", "-S", key.String())
	kit.WantError(t, byKey.Remove(), sysv.ErrRemoved)
	_, err = sem.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}

// ipcmk gives no values.
func TestIpcmkMakesASetWithoutValues(t *testing.T) {
	out := kit.Run(t, "ipcmk", "-S", "3", "-p", "600")
	_, number, _ := strings.Cut(out, ": ")
	id, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		t.Fatalf("ipcmk printed %q", out)
	}
	s := openID(t, id)
	t.Cleanup(func() { kit.Must(t, s.Remove()) })
	wantValues(t, s, 0, 0, 0)
	_, err = sem.Open(kit.Brief(t), s.Key(), nil)
	kit.WantHint(t, err, sysv.ErrNotInitialized, fmt.Sprintf("OpenID(%d)", id))

	kit.Must(t, s.SetValue(1, 5))
	opened, err := sem.Open(kit.Patient(t), s.Key(), nil)
	kit.Must(t, err)
	if opened.ID() != id || opened.Len() != 3 {
		t.Errorf("set %d of %d, want %d of 3", opened.ID(), opened.Len(), id)
	}
	wantValues(t, opened, 0, 5, 0)
}
