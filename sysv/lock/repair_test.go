//go:build linux && !android

package lock_test

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

// moves transfers for ever what ExampleMutex_Lock shows, or with a third
// argument stops in the middle of it.
var moves = sysvtest.Helper("moves", func(args []string) error {
	var group, segment int
	if _, err := fmt.Sscan(args[0]+" "+args[1], &group, &segment); err != nil {
		return err
	}
	g, err := lock.OpenID(bg, group, nil)
	if err != nil {
		return err
	}
	a, _, err := viewSegment[accounts](segment)
	if err != nil {
		return err
	}
	if len(args) > 2 {
		if _, err := g.Mutex(0).Lock(bg); err != nil {
			return err
		}
		a.noted[0].Store(a.balance[0].Load())
		a.noted[1].Store(a.balance[1].Load())
		a.journal.Store(1)
		a.balance[0].Add(-50)
		fmt.Println("in the middle")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	fmt.Println("running")
	for i := int32(0); ; i++ {
		if err := transfer(bg, g.Mutex(0), a, i%40-20); err != nil {
			return err
		}
	}
})

func TestRepairAfterKill(t *testing.T) {
	r := storm.Random(t)
	g := newGroup(t, 1)
	m := g.Mutex(0)
	id, a := newShared[accounts](t)
	a.balance[0].Store(100)
	sum := func() int32 { return a.balance[0].Load() + a.balance[1].Load() }
	args := []string{strconv.Itoa(g.ID()), strconv.Itoa(id)}

	p := sysvtest.Start(t, moves, append(args, "half")...)
	p.Expect("in the middle")
	p.Kill()
	if n := sum(); n != 50 {
		t.Errorf("the sum is %d in the middle, want 50", n)
	}
	kit.Must(t, transfer(kit.Patient(t), m, a, 30))
	if a.balance[0].Load() != 70 || a.balance[1].Load() != 30 {
		t.Errorf("balances %d, %d, want 70, 30", a.balance[0].Load(), a.balance[1].Load())
	}

	for range storm.Amount(15, 300) {
		ps := []*sysvtest.Process{sysvtest.Start(t, moves, args...), sysvtest.Start(t, moves, args...)}
		for _, p := range ps {
			p.Expect("running")
		}
		time.Sleep(time.Duration(r.IntN(int(2 * time.Millisecond))))
		for _, p := range ps {
			p.Kill()
			kit.Must(t, transfer(kit.Patient(t), m, a, 1))
		}
		if n := sum(); n != 100 {
			t.Fatalf("the sum is %d, want 100", n)
		}
	}
	st := stat(t, g).Mutexes[0]
	t.Logf("%d recoveries", st.Recoveries)
	if st.Abandoned {
		t.Error("abandoned")
	}
}
