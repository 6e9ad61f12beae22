//go:build linux && !android

package event_test

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// A survivor is a process of which two goroutines wait for each number in turn, and
// write down which they have seen and how late, in µs.
var survivor = sysvtest.Helper("survivor", func(args []string) error {
	b, err := attachID(args[0])
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	for i := range 2 {
		go func() {
			mine := v[0] + 2*i
			for n := uint32(1); ; n++ {
				b.a.Until(bg, func() bool { return b.number.Load() >= n })
				b.answers[mine+1].Store(micros() - b.answers[changedAt].Load())
				b.answers[mine].Store(n)
			}
		}()
	}
	fmt.Println("ready")
	untilTheEnd()
	return nil
})

// changedAt is which of a board's answers has when the number was changed, in µs.
const changedAt = 63

func micros() uint32 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return uint32(ts.Nano() / 1000)
}

func change(b *board, number uint32) {
	b.answers[changedAt].Store(micros())
	b.number.Store(number)
}

// A fate is what a victim does, and the place of the protocol, or the moment between
// its change and its advance, at which it ends.
type fate struct{ does, where string }

var (
	notifierFates = []fate{
		{"advances", "changed"}, {"advances", "waking"}, {"advances", "clearing"},
		{"advances if awaited", "changed"}, {"advances if awaited", "adding"},
		{"advances if awaited", "waking"}, {"advances if awaited", "clearing"},
	}
	waiterFates = []fate{{"waits", "looking"}, {"waits", "marking"}, {"waits", "sleeping"}}
)

// A victim is a process that kills or stops itself. Its arguments are the segment,
// its fate, the number that it waits for or makes, and the signal.
var victim = sysvtest.Helper("victim", func(args []string) error {
	b, err := attachID(args[0])
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[3:])
	if err != nil {
		return err
	}
	does, where, number, signal := args[1], args[2], uint32(v[0]), syscall.Signal(v[1])
	at := func(place string) {
		if place == where {
			where = ""
			fmt.Println("at", place)
			if signal == syscall.SIGSTOP {
				kit.StopHere()
				return
			}
			syscall.Kill(os.Getpid(), signal)
		}
	}
	event.AtPlace(at)
	switch does {
	case "waits":
		err = b.b.Until(bg, func() bool { return b.number.Load() >= number })
	case "advances":
		change(b, number)
		at("changed")
		b.a.Advance()
	case "advances if awaited":
		change(b, number)
		at("changed")
		b.a.AdvanceIfAwaited()
	}
	fmt.Println("done")
	return err
})

// strike has a victim meet its fate, or at least stop there.
func strike(t *testing.T, id string, f fate, number uint32, signal syscall.Signal) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, victim, id, f.does, f.where, fmt.Sprint(number), strconv.Itoa(int(signal)))
	p.Expect("at " + f.where)
	return p
}

// outlive lets a victim go on, if it can.
func outlive(t *testing.T, p *sysvtest.Process, signal syscall.Signal) {
	t.Helper()
	if signal == syscall.SIGSTOP {
		kit.Eventually(t, "it has stopped", func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
			kit.Must(t, err)
			return bytes.Contains(stat, []byte(") T "))
		})
		kit.Must(t, p.Process.Signal(syscall.SIGCONT))
		p.Expect("done")
	}
}

// deathsAndStops are the fates of a storm, in turn: every sixth is to be stopped.
func deathsAndStops(n int, fates []fate) iter.Seq2[fate, syscall.Signal] {
	return func(yield func(fate, syscall.Signal) bool) {
		for i := range n + n/5 {
			signal := syscall.SIGKILL
			if i%6 == 5 {
				signal = syscall.SIGSTOP
			}
			if !yield(fates[i%len(fates)], signal) {
				return
			}
		}
	}
}

// bound is after what time a waiter must have seen a change of which nobody told him:
// 100 ms, and what a busy machine takes.
const bound = 300 * time.Millisecond

// A notifier dies or stops. Others see its change when somebody else advances, or
// else when they look again.
func TestStormOfNotifiers(t *testing.T) {
	const waiters = 4
	r := storm.Random(t)
	id, b := newBoard(t)
	for i := 0; i < waiters; i += 2 {
		sysvtest.Start(t, survivor, id, strconv.Itoa(2*i)).Expect("ready")
	}
	var number uint32
	var latest, latestTold time.Duration
	for f, signal := range deathsAndStops(storm.Amount(2*len(notifierFates), 400), notifierFates) {
		number++
		p := strike(t, id, f, number, signal)
		told := r.IntN(2) == 0
		if told {
			b.a.Advance()
		}
		for i := 0; i < 2*waiters; i += 2 {
			kit.Eventually(t, fmt.Sprintf("waiter %d sees what one has changed who %s and ended at %s", i/2, f.does, f.where),
				func() bool { return b.answers[i].Load() >= number })
			late := time.Duration(b.answers[i+1].Load()) * time.Microsecond
			if late > bound {
				t.Errorf("waiter %d sees after %v what one has changed who %s and ended at %s", i/2, late, f.does, f.where)
			}
			if latest = max(latest, late); told {
				latestTold = max(latestTold, late)
			}
		}
		outlive(t, p, signal)
	}
	t.Logf("event notifier storm: %d deaths and stops; seen after %v at most, and where somebody advanced then, after %v",
		number, latest.Round(time.Microsecond), latestTold.Round(time.Microsecond))
}

// A waiter dies or stops, with or without his mark in the word. Others are woken all
// the same.
func TestStormOfWaiters(t *testing.T) {
	id, b := newBoard(t)
	var number uint32
	var latest time.Duration
	for f, signal := range deathsAndStops(storm.Amount(2*len(waiterFates), 100), waiterFates) {
		number++
		b.b.Advance() // so that no mark is left, which the victim is to set
		p := strike(t, id, f, number, signal)
		wait := kit.Async(t, func() time.Duration {
			kit.Must(t, b.b.Until(kit.Patient(t), func() bool { return b.number.Load() >= number }))
			return time.Duration(micros()-b.answers[changedAt].Load()) * time.Microsecond
		})
		time.Sleep(2 * time.Millisecond)
		change(b, number)
		b.b.Advance()
		if latest = max(latest, wait()); latest > bound {
			t.Errorf("woken after %v, where another waiter ended at %s", latest, f.where)
		}
		outlive(t, p, signal)
	}
	t.Logf("event waiter storm: %d deaths and stops; woken after %v at most", number, latest.Round(time.Microsecond))
}
