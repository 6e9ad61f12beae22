//go:build linux && !android

package shm_test

import (
	"io"
	"os"
	"regexp"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// parent is the parent of three in the example.
var parent = sysvtest.Helper("parent", func([]string) error {
	Example_children()
	return nil
})

// startParent starts it. The channel has what it and its children write to
// standard error, once all of them have ended.
func startParent(t *testing.T) (kill func(), said <-chan string) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := sysvtest.Command(parent)
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	ended := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(r)
		r.Close()
		cmd.Wait()
		ended <- string(text)
	}()
	return func() { cmd.Process.Kill() }, ended
}

var tooLate = regexp.MustCompile("no such file or directory|its last member has ended|identifier removed")

// A parent that is killed leaves no more than its lock's set; or, killed inside
// Anonymous, of memory or of the lock, a segment. Its children end.
func TestExampleParentKilled(t *testing.T) {
	emulator.Mode.Skip(t)
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping, in an IPC namespace shared with others: run it as root or where user namespaces are allowed")
	}
	begin := time.Now()
	_, said := startParent(t)
	if text := <-said; text != "" {
		t.Fatalf("nobody was killed, but: %s", text)
	}
	whole := time.Since(begin)
	// Under the emulator there is a set, by which Mode was asked for.
	if segments, _ := removeAll(t); segments > 0 {
		t.Errorf("nobody was killed, but %d segments are left", segments)
	}

	kills := storm.Amount(8, 200)
	left := make(map[[2]int]int)
	for i := range kills {
		after := whole * time.Duration(i) / time.Duration(kills)
		kill, said := startParent(t)
		time.Sleep(after)
		kill()
		// A child that comes too late finds nobody who shares a segment, or nobody who is a
		// member of the lock's group, or neither any more.
		if text := <-said; text != "" && !tooLate.MatchString(text) {
			t.Errorf("killed after %v: %s", after, text)
		}
		segments, sets := removeAll(t)
		if segments+sets > 1 {
			t.Errorf("killed after %v: left %d segments and %d sets, want one of them at most", after, segments, sets)
		}
		left[[2]int{segments, sets}]++
	}
	t.Logf("how often how many segments and sets were left: %v", left)
}

// removeAll removes all segments and sets, to which nobody may be attached, and
// tells how many there were.
func removeAll(t *testing.T) (segments, sets int) {
	t.Helper()
	segs, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range segs {
		if st.Nattch != 0 || st.Dest {
			t.Errorf("left %+v, want nobody attached", st)
		}
		if seg, err := shm.OpenID(st.ID); err != nil {
			t.Error(err)
		} else if err := seg.Remove(); err != nil {
			t.Error(err)
		}
	}
	list, err := sem.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range list {
		if set, err := sem.OpenID(st.ID); err != nil {
			t.Error(err)
		} else if err := set.Remove(); err != nil {
			t.Error(err)
		}
	}
	return len(segs), len(list)
}
