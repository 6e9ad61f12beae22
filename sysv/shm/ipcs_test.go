//go:build linux && !android

package shm_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// The system's own tools and this package see the same segments.

// tool runs one of the tools of util-linux and returns its output.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("skipping, install util-linux: %v", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func TestOpensWhatIpcmkMade(t *testing.T) {
	emulator.Mode.Skip(t)
	out := tool(t, "ipcmk", "-M", "5000", "-p", "0640")
	m := regexp.MustCompile(`id: (\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no id in %q", out)
	}
	id, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	byID, err := shm.OpenID(id)
	if err != nil {
		t.Fatal(err)
	}
	removeAtEnd(t, byID)
	seg, err := shm.Open(byID.Key(), nil)
	if err != nil || namedBy(seg) != namedBy(byID) {
		t.Fatalf("by key %+v, %v, by id %+v", seg, err, namedBy(byID))
	}
	if st := stat(t, seg); seg.Size() != 5000 || st.Size != 5000 || st.Mode != 0o640 || st.UID != uint32(os.Geteuid()) {
		t.Errorf("made with 5000 bytes and mode 0640, it is %+v", st)
	}
	attach(t, seg, nil).Bytes()[4999] = 1
}

func TestIpcsListsOurs(t *testing.T) {
	seg := create(t, 12345, &shm.Config{Mode: 0o640})
	attach(t, seg, nil)
	attach(t, seg, nil)
	me := ownerColumn(uint32(os.Geteuid()))
	key := seg.Key().String()
	check := func(want ...string) {
		t.Helper()
		for _, line := range ipcsLines(t) {
			got := strings.Fields(line)
			if got[1] != strconv.Itoa(seg.ID()) {
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			return
		}
		t.Errorf("ipcs does not list segment %d", seg.ID())
	}
	id := fmt.Sprint(seg.ID())
	check(key, id, me, "640", "12345", "2")
	lockPages(t, seg)
	check(key, id, me, "640", "12345", "2", "locked")
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	check("0x00000000", id, me, "640", "12345", "2", "dest", "locked")
}

// ipcsLines returns the lines of ipcs about segments, with single spaces.
func ipcsLines(t testing.TB) (lines []string) {
	t.Helper()
	for line := range strings.Lines(tool(t, "ipcs", "-m")) {
		if strings.HasPrefix(line, "0x") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}

// ownerColumn is how ipcs shows an owner: the first 10 characters of his name,
// or his number where the system knows no name.
func ownerColumn(uid uint32) string {
	number := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(number); err == nil {
		return fmt.Sprintf("%.10s", u.Username)
	}
	return number
}

// In a crowded namespace List and ipcs agree line by line, in their order too.
func TestListAgreesWithIpcs(t *testing.T) {
	for i, seg := range manySegments(t) {
		mode := fs.FileMode(i % 0o1000)
		if mode == object.Making {
			mode = 0 // that one is refused
		}
		err := seg.SetMode(mode)
		if os.Geteuid() == 0 {
			owner := uint32(i % 7) // whose names most systems know
			if i%100 == 0 {
				owner = math.MaxUint32 - 1 - uint32(i)
			}
			err = seg.SetPerm(owner, uint32(i), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%512 == 0o444 || i%512 == 0o666 {
			for range i % 3 {
				attach(t, seg, &shm.AttachConfig{ReadOnly: true})
			}
			if err := seg.Remove(); err != nil { // which waits for those attached
				t.Fatal(err)
			}
		}
	}
	list, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	owners := make(map[uint32]string)
	var got []string
	for _, st := range list {
		if owners[st.UID] == "" {
			owners[st.UID] = ownerColumn(st.UID)
		}
		dest := ""
		if st.Dest {
			dest = " dest"
		}
		got = append(got, fmt.Sprintf("%v %d %s %o %d %d%s", st.Key, st.ID, owners[st.UID], uint32(st.Mode), st.Size, st.Nattch, dest))
	}
	if diff := cmp.Diff(ipcsLines(t), got); diff != "" {
		t.Errorf("(-ipcs +List)\n%s", diff)
	}
	if len(list) < 3900 {
		t.Errorf("only %d segments are listed", len(list))
	}
}

// manySegments makes 4000, which are gone after the test.
func manySegments(t testing.TB) (segs []*shm.Segment) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping, 4000 segments are too many for everybody's namespace: run as root, or allow user namespaces (sysctl user.max_user_namespaces)")
	}
	for i := range 4000 {
		segs = append(segs, create(t, 1+7*i, nil))
	}
	return segs
}

// BenchmarkList is against ipcs, its start included.
func BenchmarkList(b *testing.B) {
	manySegments(b)
	ms := func(f func()) compare.Measure {
		return func() float64 { return compare.Nanoseconds(1, f)() / 1e6 }
	}
	list := func() {
		if _, err := shm.List(); err != nil {
			b.Fatal(err)
		}
	}
	compare.Report(b, "ms/list", ms(list), "ipcs", ms(func() { tool(b, "ipcs", "-m") }))
}

func TestIpcrmRemovesOurs(t *testing.T) {
	for flag, name := range map[string]func(*shm.Segment) string{
		"-m": func(s *shm.Segment) string { return strconv.Itoa(s.ID()) },
		"-M": func(s *shm.Segment) string { return s.Key().String() },
	} {
		t.Run(flag, func(t *testing.T) {
			seg := create(t, 1, nil)
			tool(t, "ipcrm", flag, name(seg))
			_, err := seg.Attach(nil)
			kit.WantError(t, err, sysv.ErrRemoved)
			_, err = shm.Open(seg.Key(), nil)
			kit.WantError(t, err, fs.ErrNotExist)
		})
	}
}
