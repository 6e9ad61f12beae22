//go:build linux && !android

package inspect

import (
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// TestLsIsIpcs: of 6000 objects ls prints what ipcs prints, line by line.
func TestLsIsIpcs(t *testing.T) {
	populate(t, 2000)
	want := strings.Split(output(t, ipcs(t)), "\n")
	got := strings.Split(output(t, ipcdemo("ls")), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ipcs +ls)\n%s", diff)
	}
	if len(got) < 6000 {
		t.Errorf("only %d lines", len(got))
	}
}

// BenchmarkLs has ipcs list 4000 segments in turns with ls, both as programs.
func BenchmarkLs(b *testing.B) {
	populate(b, 4000)
	var ours, theirs []time.Duration
	took := func(cmd *exec.Cmd) time.Duration {
		begin := time.Now()
		output(b, cmd)
		return time.Since(begin)
	}
	round := func() {
		ours, theirs = append(ours, took(ipcdemo("ls", "-m"))), append(theirs, took(ipcs(b, "-m")))
	}
	for b.Loop() {
		round()
	}
	for len(ours) < 9 { // a median of fewer says little
		round()
	}
	median := func(v []time.Duration) float64 { slices.Sort(v); return float64(v[len(v)/2]) }
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(ours)/1e6, "ms/ls")
	b.ReportMetric(median(theirs)/1e6, "ipcs-ms")
	b.ReportMetric(median(ours)/median(theirs), "ipcs-ratio")
}

func ipcs(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("ipcs")
	if err != nil {
		t.Skipf("skipping, needs ipcs: apt-get install util-linux: %v", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

func output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return string(out)
}

// populate makes n queues, as many segments and sets, of all modes and, as root, of
// several owners. They are gone after the test.
func populate(t testing.TB, n int) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skipf("skipping, %d objects are too many for everybody's namespace: run as root, or allow user namespaces (sysctl user.max_user_namespaces)", 3*n)
	}
	owners := []uint32{uint32(os.Geteuid())}
	if os.Geteuid() == 0 {
		owners = append(owners, 1, longName(), 0, 4294967294) // the last has no name
	}
	type object interface {
		SetPerm(uid, gid uint32, mode fs.FileMode) error
		Remove() error
	}
	for i := range n {
		seg, err := shm.Create(sysv.RandomKey(), 1+i, nil)
		if err != nil {
			t.Fatal(err)
		}
		set, err := sem.Create(sysv.RandomKey(), make([]int, 1+i%7), nil)
		if err != nil {
			t.Fatal(err)
		}
		q, err := msg.Create(sysv.RandomKey(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range i % 3 {
			if err := q.Send(t.Context(), 1, make([]byte, 10*n)); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range []object{seg, set, q} {
			t.Cleanup(func() {
				if err := o.Remove(); err != nil {
					t.Error(err)
				}
			})
			owner := owners[0]
			if i%10 == 0 {
				owner = owners[i/10%len(owners)]
			}
			mode := fs.FileMode(i &^ 1 % 0o1000) // 0o601 is not to be had
			if err := o.SetPerm(owner, uint32(os.Getegid()), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// longName is a user with more than the 10 characters that ipcs has room for,
// as systems with systemd have, or else root.
func longName() uint32 {
	passwd, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(passwd)) {
		f := strings.Split(line, ":")
		if uid, err := strconv.ParseUint(f[min(2, len(f)-1)], 10, 32); err == nil && len(f[0]) > 10 {
			return uint32(uid)
		}
	}
	return 0
}
