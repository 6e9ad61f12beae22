//go:build linux && !android

package inspect

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

func TestAttachment(t *testing.T) {
	const good = "7f2060603000-7f2060604000 rw-s 00000000 00:01 360454                     /SYSV000004d2 (deleted)"
	on := map[string]bool{"00:01": true}
	if id, ok := attachment(good, on); id != 360454 || !ok {
		t.Errorf("%d, %v; want 360454, true", id, ok)
	}
	for _, line := range []string{
		"",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 360454",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 360454 /SYSV000004d2",
		"7f2060603000-7f2060604000 rw-s 00000000 08:01 360454 /SYSV000004d2 (deleted)",
		"7f2060603000-7f2060604000 rw-s 00000000 00:2d 360454 /SYSV000004d2 (deleted)",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 360454 /SYSV000004d2x (deleted)",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 360454 /tmp/SYSV000004d2 (deleted)",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 x /SYSV000004d2 (deleted)",
		"7f2060603000-7f2060604000 rw-s 00000000 00:01 99999999999999999999 /SYSV000004d2 (deleted)",
	} {
		if id, ok := attachment(line, on); ok {
			t.Errorf("%q is taken for an attachment of %d", line, id)
		}
	}
}

// TestUsers: a process is found, once for each attachment, until it detaches.
func TestUsers(t *testing.T) {
	seg, first, err := shm.Anonymous(1)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Detach()
	second, err := seg.Attach(&shm.AttachConfig{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []int{os.Getpid(), os.Getpid()}
	if got := users()[seg.ID()]; !slices.Equal(got, want) {
		t.Errorf("attached twice: %v, want %v", got, want)
	}
	if err := second.Detach(); err != nil {
		t.Fatal(err)
	}
	if got := users()[seg.ID()]; !slices.Equal(got, want[:1]) {
		t.Errorf("attached once: %v, want %v", got, want[:1])
	}
}

// TestSpoof: a file of a segment's name and number, on a file system of somebody's own, is
// no attachment.
func TestSpoof(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipping, can't mount a file system: run the tests as root")
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("skipping, needs unshare: apt-get install util-linux")
	}
	for range 3 { // so that the file's number is not below the segment's
		other, err := shm.Create(sysv.Private, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Remove()
	}
	seg, err := shm.Create(sysv.RandomKey(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Remove()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SPOOF=SYSV%08x %d", uint32(seg.Key()), seg.ID()))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if want := fmt.Sprintf(" %d ", seg.ID()); !strings.Contains(line, want) || !strings.Contains(line, "/SYSV") {
		t.Errorf("the file is mapped as %q, want %q in it", line, want)
	}
	if pids := users()[seg.ID()]; pids != nil {
		t.Errorf("%v are said to have attached what nobody has", pids)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestOtherNamespace: who has a segment of another IPC namespace attached uses
// none of ours, whatever its id.
func TestOtherNamespace(t *testing.T) {
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("skipping, needs unshare: apt-get install util-linux")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Whose name makes it attach, see TestMain: a link would not.
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	attach := filepath.Join(t.TempDir(), "attach")
	if err := os.WriteFile(attach, program, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--ipc", attach)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(stdout).ReadString('\n')
	var id int
	if _, err := fmt.Sscan(said, &id); err != nil {
		cmd.Wait()
		t.Skip("skipping, can't enter another IPC namespace: run the tests as root")
	}
	if ids := attachments(fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid), devices()); !slices.Contains(ids, id) {
		t.Errorf("it has %v attached, want %d among them", ids, id)
	}
	if pids := users()[id]; slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("segment %d of ours is attached by %v: %d is in another namespace", id, pids, cmd.Process.Pid)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestView: all kinds are in the view, with values, waiters and numbers.
func TestView(t *testing.T) {
	values := make([]int, 300)
	values[0], values[2] = 7, 1
	set, err := sem.Create(sysv.RandomKey(), values, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Remove()
	q, err := msg.Create(sysv.RandomKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Remove()
	if err := q.Send(t.Context(), 1, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	records, err := ring.CreateQueue(t.Context(), sysv.RandomKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	defer records.Remove()
	if _, err := records.SendBatch(t.Context(), [][]byte{{1}, {2}}); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 2)
	go func() { waited <- set.Do(t.Context(), sem.Op{Num: 1, Delta: -1}) }()
	go func() { waited <- set.Do(t.Context(), sem.Op{Num: 2}) }()
	for n := 0; n < 2; {
		up, err := set.Waiters(1)
		if err != nil {
			t.Fatal(err)
		}
		zero, err := set.ZeroWaiters(2)
		if err != nil {
			t.Fatal(err)
		}
		n = up + zero
	}
	lines, err := view{kinds: ofAll}.lines()
	if err != nil {
		t.Fatal(err)
	}
	find := func(key sysv.Key) (found string) {
		for _, line := range lines {
			if strings.HasPrefix(line, key.String()) {
				found += strings.Join(strings.Fields(line), " ") + "\n"
			}
		}
		return found
	}
	if got, want := find(set.Key()), " 600 7 0 1 0 0 0 0 0 0 0 0 0 … (300) 1 for 1, 1 for 2 to be 0 "; !strings.Contains(got, want) {
		t.Errorf("the set is %q, want %q in it", got, want)
	}
	if got, want := find(q.Key()), fmt.Sprintf(" 600 1 3 16384 %d ", os.Getpid()); !strings.Contains(got, want) {
		t.Errorf("the queue is %q, want %q in it", got, want)
	}
	for _, want := range []string{"ring queue, 1 member, 2 unread", fmt.Sprintf("set of ring queue %d", records.ID())} {
		if got := find(records.Key()); !strings.Contains(got, want) {
			t.Errorf("the ring is %q, want %q in it", got, want)
		}
	}
	if err := set.SetValues(append([]int{0, 1}, make([]int, 298)...)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-waited; err != nil {
			t.Error(err)
		}
	}
}
