//go:build linux && !android

package inspect

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) {
	if name, id, ok := strings.Cut(os.Getenv("SPOOF"), " "); ok {
		spoof(name, id)
		return
	}
	testscript.Main(sysvtest.Wrap(m), map[string]func(){
		"ipcdemo": func() {
			term.Main(new(struct {
				Ls Ls `cmd:""`
				Rm Rm `cmd:""`
			}), "The commands of this package.")
		},
		"attach": attach,
	})
}

// attach is a program that has a segment attached, whose id it prints, until its
// standard input ends.
func attach() {
	seg, _, err := shm.Anonymous(1)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(seg.ID())
	io.Copy(io.Discard, os.Stdin)
}

// spoof maps a deleted file that is called as a segment's is and has the segment's id for
// its number, prints what /proc/self/maps says of it, and waits.
func spoof(name, id string) {
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	dir, err := os.MkdirTemp("", "spoof")
	check(err)
	check(syscall.Mount("none", dir, "tmpfs", 0, ""))
	want, err := strconv.ParseUint(id, 10, 64)
	check(err)
	var f *os.File
	for number := uint64(0); number < want; { // tmpfs numbers files one after the other
		f, err = os.Create(dir + "/" + name)
		check(err)
		var st syscall.Stat_t
		check(syscall.Fstat(int(f.Fd()), &st))
		check(os.Remove(f.Name()))
		if number = st.Ino; number < want {
			check(f.Close())
		}
	}
	check(f.Truncate(1))
	_, err = syscall.Mmap(int(f.Fd()), 0, 1, syscall.PROT_READ, syscall.MAP_SHARED)
	check(err)
	check(syscall.Unmount(dir, syscall.MNT_DETACH)) // now it is at the root of its own mount
	check(os.Remove(dir))
	maps, err := os.ReadFile("/proc/self/maps")
	check(err)
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, name) {
			fmt.Print(line)
		}
	}
	io.Copy(io.Discard, os.Stdin)
}

// ipcdemo is that program, as the tests' own: its name makes it that, see TestMain.
func ipcdemo(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "ipcdemo"
	return cmd
}

// TestStranger: another user can't remove what is not his, and is told whose it is.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipping, can't be another user: run the tests as root")
	}
	const key sysv.Key = 0x1e0002
	seg, err := shm.Create(key, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Remove()
	set, err := sem.Create(key, []int{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Remove()
	for _, option := range []string{"-M", "-S"} {
		cmd := ipcdemo("rm", option, key.String()) // a link, which others may execute, see sysvtest.Command
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("ipcdemo rm %s: %v, want exit status 1", option, err)
		}
		if said := string(out); !strings.Contains(said, "operation not permitted") && !strings.Contains(said, "permission denied") ||
			!strings.Contains(said, "hint: created by uid 0, owned by uid 0, gid 0, mode 0600\n") {
			t.Errorf("ipcdemo rm %s said\n%s", option, said)
		}
	}
}
