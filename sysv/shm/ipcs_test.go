//go:build linux && !android

package shm_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/emulator"
	"example.com/sysvipc/sysv/shm"
)

// The system's own tools and this package see the same segments.

// tool runs one of the tools of util-linux and returns its output.
func tool(t *testing.T, name string, args ...string) string {
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
	if err != nil || *seg != *byID {
		t.Fatalf("by key %+v, %v, by id %+v", seg, err, *byID)
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
	owner := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	key := seg.Key().String()
	check := func(want ...string) {
		t.Helper()
		for line := range strings.Lines(tool(t, "ipcs", "-m")) {
			got := strings.Fields(line)
			if len(got) < 2 || got[1] != strconv.Itoa(seg.ID()) {
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
	check(key, id, owner, "640", "12345", "2")
	lockPages(t, seg)
	check(key, id, owner, "640", "12345", "2", "locked")
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	check("0x00000000", id, owner, "640", "12345", "2", "dest", "locked")
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
			wantErr(t, err, sysv.ErrRemoved)
			_, err = shm.Open(seg.Key(), nil)
			wantErr(t, err, fs.ErrNotExist)
		})
	}
}
