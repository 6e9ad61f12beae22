//go:build linux && !android

package event_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// edition is what testdata/peer/feed.c writes as edition n.
func edition(n uint32) [4]uint32 { return [4]uint32{n, 2 * n, 3 * n, 4 * n} }

// A writer in C is killed, again and again, in the middle of an edition. Its reader in
// Go waits for each change, never sees half of one, and goes on with the next writer.
func TestFeedFromC(t *testing.T) {
	emulator.Programs.Skip(t)
	program := compare.Program(t, "feed.c")
	r := storm.Random(t)
	seg, err := shm.Create(sysv.RandomKey(), 4096, nil)
	kit.Must(t, err)
	defer seg.Remove()
	m, err := seg.Attach(nil)
	kit.Must(t, err)
	defer m.Detach()
	f, err := shm.View[feed](m, 0)
	kit.Must(t, err)

	var last uint32
	read := func() {
		t.Helper()
		n, prices, err := f.next(kit.Patient(t), last)
		kit.Must(t, err)
		if prices != edition(n) {
			t.Fatalf("edition %d is %v", n, prices)
		}
		last = n
	}
	kills, middle := 0, 0
	for ; kills < storm.Amount(10, 200) || middle == 0; kills++ {
		p := sysvtest.StartCommand(t, exec.Command(program, seg.Key().String()))
		p.Send("1")
		read()
		p.Expect("done")
		p.Send("1000000000")
		for range r.IntN(1000) {
			read()
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond) // for it to be at it, and not at waking us
		p.Kill()
		last = f.Edition.Load() - 1
		read()
		var other [4]uint32
		for i := range other {
			other[i] = f.Prices[(last+1)%2][i].Load()
		}
		if other != edition(last-1) && other != edition(last+1) {
			middle++
		}
	}
	t.Logf("feed storm: %d kills of writers in C, %d of them in the middle of an edition, and its reader saw whole ones", kills, middle)
}

// What the documentation shows is what the example and the test above run.
func TestFeedIsDocumented(t *testing.T) {
	example, err := os.ReadFile("example_test.go")
	kit.Must(t, err)
	_, code, _ := strings.Cut(string(example), "type feed struct")
	code, _, _ = strings.Cut(code, "\n// A feed of prices")
	header, err := os.ReadFile("../../testdata/peer/feed.h")
	kit.Must(t, err)
	_, c, _ := strings.Cut(string(header), "\n")
	documentation, err := os.ReadFile("doc.go")
	kit.Must(t, err)
	for _, key := range []string{"key := sysv.KeyOf(\"com.example.prices\") // %v\n", "shmget(%v, 4096"} {
		if shown := fmt.Sprintf(key, sysv.KeyOf("com.example.prices")); !strings.Contains(string(documentation), shown) {
			t.Errorf("%q is not in the documentation", shown)
		}
	}
	for _, code := range []string{"type feed struct" + code, c} {
		shown := strings.ReplaceAll("\n"+strings.TrimSpace(code), "\n", "\n//\t")
		if !strings.Contains(string(documentation), strings.ReplaceAll(shown, "//\t\n", "//\n")+"\n") {
			t.Errorf("not in the documentation:\n%s", code)
		}
	}
}
