//go:build linux && !android

package sem_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestEndOfAProcessUndoes(t *testing.T) {
	const max = 32767
	dos := func(dos ...[]sem.Op) [][]sem.Op { return dos }
	ops := func(ops ...sem.Op) []sem.Op { return ops }
	for _, tt := range []struct {
		name         string
		start        []int
		dos          [][]sem.Op // by the process
		held         []int
		meanwhile    func(*sem.Set) error
		after        []int
		failsAtFirst bool
	}{
		{name: "a subtraction", start: []int{5},
			dos: dos(ops(sem.Op{Delta: -3, Flags: sem.Undo})), held: []int{2}, after: []int{5}},
		{name: "an addition", start: []int{0},
			dos: dos(ops(sem.Op{Delta: 2, Flags: sem.Undo})), held: []int{2}, after: []int{0}},
		{name: "nothing without Undo", start: []int{5},
			dos: dos(ops(sem.Op{Delta: -3})), held: []int{2}, after: []int{2}},
		{name: "those with Undo", start: []int{5, 5},
			dos: dos(ops(sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}, sem.Op{Num: 1, Delta: -2})), held: []int{4, 3}, after: []int{5, 3}},
		{name: "the sum", start: []int{5},
			dos: dos(ops(sem.Op{Delta: -1, Flags: sem.Undo}), ops(sem.Op{Delta: -3, Flags: sem.Undo}), ops(sem.Op{Delta: 1, Flags: sem.Undo})), held: []int{2}, after: []int{5}},
		{name: "nothing that it took back itself", start: []int{1},
			dos: dos(ops(sem.Op{Delta: -1, Flags: sem.Undo}), ops(sem.Op{Delta: 1, Flags: sem.Undo})), held: []int{1}, after: []int{1}},
		{name: "what it took back without Undo", start: []int{1},
			dos: dos(ops(sem.Op{Delta: -1, Flags: sem.Undo}), ops(sem.Op{Delta: 1})), held: []int{1}, after: []int{2}},
		{name: "nothing that failed", start: []int{1, 0}, failsAtFirst: true,
			dos:  dos(ops(sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}, sem.Op{Num: 1, Delta: -1, Flags: sem.Undo | sem.NoWait})),
			held: []int{1, 0}, after: []int{1, 0}},
		{name: "nothing after SetValue of that semaphore", start: []int{5, 5},
			dos:  dos(ops(sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}, sem.Op{Num: 1, Delta: -1, Flags: sem.Undo})),
			held: []int{4, 4}, meanwhile: func(s *sem.Set) error { return s.SetValue(0, 7) }, after: []int{7, 5}},
		{name: "nothing after SetValues", start: []int{5, 5},
			dos:  dos(ops(sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}, sem.Op{Num: 1, Delta: -1, Flags: sem.Undo})),
			held: []int{4, 4}, meanwhile: func(s *sem.Set) error { return s.SetValues([]int{7, 8}) }, after: []int{7, 8}},
		{name: "up to the maximum", start: []int{9},
			dos: dos(ops(sem.Op{Delta: -9, Flags: sem.Undo})), held: []int{0},
			meanwhile: func(s *sem.Set) error { return s.Do(bg, sem.Op{Delta: max - 1}) }, after: []int{max}},
		{name: "down to 0", start: []int{0},
			dos: dos(ops(sem.Op{Delta: 5, Flags: sem.Undo})), held: []int{5},
			meanwhile: func(s *sem.Set) error { return s.Do(bg, sem.Op{Delta: -4}) }, after: []int{0}},
	} {
		for how, end := range map[string]func(*sysvtest.Process){
			"by itself": (*sysvtest.Process).Finish,
			"killed":    (*sysvtest.Process).Kill,
		} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				s := newSet(t, tt.start...)
				p := startDo(t, s, tt.dos...)
				if tt.failsAtFirst {
					p.Expect("operation would have to wait")
				} else {
					for range tt.dos {
						p.Expect("ok")
					}
				}
				wantValues(t, s, tt.held...)
				if tt.meanwhile != nil {
					kit.Must(t, tt.meanwhile(s))
				}
				end(p)
				wantValues(t, s, tt.after...)
			})
		}
	}
}

func TestUndoIsTheLastOperationOfAProcess(t *testing.T) {
	s := newSet(t, 0)
	p := startDo(t, s, []sem.Op{{Delta: 1, Flags: sem.Undo}})
	p.Expect("ok")
	kit.Must(t, s.Do(bg, post))
	if got := kit.Number(t)(s.LastPID(0)); got != os.Getpid() {
		t.Errorf("LastPID %d, want ours, %d", got, os.Getpid())
	}
	p.Kill()
	wantValues(t, s, 1)
	if got := kit.Number(t)(s.LastPID(0)); got != p.Process.Pid {
		t.Errorf("LastPID %d, want the helper's, %d", got, p.Process.Pid)
	}
}

func TestEndOfAProcessWakesWaiters(t *testing.T) {
	s := newSet(t, 1)
	p := startDo(t, s, []sem.Op{{Delta: -1, Flags: sem.Undo}})
	p.Expect("ok")
	wait := kit.Async(t, func() error { return s.Do(kit.Patient(t), take) })
	awaitWaiters(t, s, 0, 1)
	p.Kill()
	kit.Must(t, wait())
}

func TestEndOfAGoroutineOrThreadUndoesNothing(t *testing.T) {
	s := newSet(t, 2)
	kit.Must(t, kit.Async(t, func() error { return s.Do(bg, sem.Op{Delta: -1, Flags: sem.Undo}) })())
	wantValues(t, s, 1)
	kit.Must(t, kit.OnThreadThatEnds(func() error { return s.Do(bg, sem.Op{Delta: -1, Flags: sem.Undo}) }))
	wantValues(t, s, 0)
}

func TestChildrenDoNotInheritUndo(t *testing.T) {
	s := newSet(t, 2)
	kit.Must(t, s.Do(bg, sem.Op{Delta: -1, Flags: sem.Undo}))
	kit.Must(t, exec.Command("true").Run())
	p := startDo(t, s, []sem.Op{take})
	p.Expect("ok")
	p.Finish()
	wantValues(t, s, 0)
}

// execs takes a semaphore with Undo and becomes sleep(1).
var execs = sysvtest.Helper("execs", func(args []string) error {
	s, _, err := setAndNumbers(args[:1])
	if err != nil {
		return err
	}
	var op sem.Op
	if err := json.Unmarshal([]byte(args[1]), &op); err != nil {
		return err
	}
	if err := s.Do(bg, op); err != nil {
		return err
	}
	path, err := exec.LookPath("sleep")
	if err != nil {
		return err
	}
	return syscall.Exec(path, []string{"sleep", "600"}, nil)
})

func TestUndoSurvivesExec(t *testing.T) {
	kit.NeedCommand(t, "sleep")
	s := newSet(t, 1)
	op, err := json.Marshal(sem.Op{Delta: -1, Flags: sem.Undo})
	kit.Must(t, err)
	p := sysvtest.Start(t, execs, strconv.Itoa(s.ID()), string(op))
	kit.Eventually(t, "the helper is sleep", func() bool {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
		return err == nil && string(cmdline) == "sleep\x00600\x00"
	})
	wantValues(t, s, 0)
	p.Kill()
	wantValues(t, s, 1)
}
