//go:build sysvipc_steps && linux && !android

package lock_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

// An actor is a process that does what each line of its input says, and then
// prints how it went. It can stop, or die, at a step of the protocol.
type actor struct {
	participant
	key      sysv.Key
	commands chan string
	stop     atomic.Pointer[stop]
	resume   chan struct{}
	ctx      context.Context // of lock
	giveUp   context.CancelFunc
}

// A stop is where to stop: when the step is come to for so many times from now.
type stop struct {
	step  string
	times atomic.Int32
	die   bool
}

var actors = sysvtest.Helper("actor", func(args []string) error {
	key, err1 := sysv.ParseKey(args[0])
	ledgerID, err2 := strconv.Atoi(args[1])
	seat, err3 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	l, err := openLedger(ledgerID)
	if err != nil {
		return err
	}
	a := &actor{participant: participant{ledger: l, seat: seat}, key: key, commands: make(chan string, 1), resume: make(chan struct{})}
	a.ctx, a.giveUp = context.WithCancel(bg)
	lock.AtStep(a.at)
	object.Grace = 200 * time.Millisecond // nobody need wait longer for who is dead
	go a.listen()
	for command := range a.commands {
		before := a.told
		err := a.do(command)
		fmt.Println(answer(a.told > before, err))
	}
	return nil
})

// listen reads what there is to do. Where to stop, and to go on, is for now.
func (a *actor) listen() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var step string
		times := 1
		line := in.Text()
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "stop", "die":
			fmt.Sscan(strings.TrimPrefix(line, verb), &step, &times)
			s := &stop{step: step, die: verb == "die"}
			s.times.Store(int32(times))
			a.stop.Store(s)
		case "go":
			a.resume <- struct{}{}
		case "give":
			a.giveUp()
		default:
			a.commands <- line
		}
	}
	close(a.commands)
	time.Sleep(kit.Patience)
	os.Exit(3) // it hangs
}

func (a *actor) at(step string) {
	s := a.stop.Load()
	if s == nil || s.step != step || s.times.Add(-1) != 0 {
		return
	}
	fmt.Println("at", step)
	if s.die {
		die()
	}
	<-a.resume
}

// aMoment is long enough for a look on a busy machine, and shorter than who makes the
// group is waited for.
const aMoment = 200 * time.Millisecond

// do performs a command. Whoever is no member yet becomes one first.
func (a *actor) do(command string) error {
	if a.group != nil {
		return a.doAsMember(command)
	}
	switch command {
	case "create":
		var err error
		a.group, err = lock.Create(bg, a.key, accountCount, &lock.Config{Processes: room, RWMutexes: 1})
		return err
	case "open":
		return a.open(kit.Patience)
	case "open briefly":
		return a.open(aMoment)
	case "open or create briefly":
		ctx, cancel := context.WithTimeout(bg, aMoment)
		defer cancel()
		return a.openOrCreate(ctx)
	case "open or create":
		return a.openOrCreate(bg)
	}
	if err := a.open(kit.Patience); err != nil {
		return err
	}
	return a.doAsMember(command)
}

func (a *actor) doAsMember(command string) error {
	rw := a.group.RWMutex(0)
	switch command {
	case "lock":
		abandoned, err := a.group.Mutex(0).Lock(a.ctx)
		return a.locked(abandoned, err)
	case "lock as it is":
		abandoned, err := a.group.Mutex(0).Lock(a.ctx)
		if err != nil {
			return err
		}
		return a.begin(0, abandoned)
	case "try to lock":
		ok, abandoned, err := a.group.Mutex(0).TryLock()
		if err == nil && !ok {
			err = sysv.ErrWouldBlock
		}
		return a.locked(abandoned, err)
	case "count":
		a.enter(0, func(int) {})
		return nil
	case "unlock":
		return a.group.Mutex(0).Unlock()
	case "round":
		return a.rounds(1, 0)
	case "work":
		return a.rounds(50, 0, 1)
	case "be busy":
		return a.beBusy(true, 0, 1)
	case "be busy elsewhere":
		return a.beBusy(true, 1)
	case "stay busy elsewhere":
		return a.beBusy(false, 1)
	case "read", "write":
		call := rw.RLock
		if command == "write" {
			call = rw.Lock
		}
		abandoned, err := call(a.ctx)
		if abandoned {
			a.told++
		}
		return err
	case "repair":
		return rw.Repaired()
	case "unread":
		return rw.RUnlock()
	case "unwrite":
		return rw.Unlock()
	case "downgrade":
		return rw.Downgrade()
	case "open", "rest":
		return nil
	case "remove":
		return a.group.Remove()
	case "close":
		g := a.group
		a.group = nil
		return g.Close()
	}
	return fmt.Errorf("what is %q?", command)
}

func (a *actor) openOrCreate(ctx context.Context) (err error) {
	a.group, _, err = lock.OpenOrCreate(ctx, a.key, accountCount, &lock.Config{Processes: room, RWMutexes: 1})
	return err
}

func (a *actor) open(limit time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(bg, limit)
	defer cancel()
	a.group, err = lock.Open(ctx, a.key, nil)
	return err
}

// rounds makes n entries in each of some accounts. It makes others wait now and
// then.
func (a *actor) rounds(n int, accounts ...int) error {
	for k := range n {
		for _, i := range accounts {
			err := a.round(bg, i, func(part int) {
				if part == 1 && k%4 == 0 {
					time.Sleep(20 * time.Microsecond)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *actor) locked(abandoned bool, err error) error {
	if err != nil {
		return err
	}
	if err := a.begin(0, abandoned); err != nil || !abandoned {
		return err
	}
	return a.repair(0)
}

// beBusy makes entries, and perhaps comes and goes, until there is something
// else to do.
func (a *actor) beBusy(comeAndGo bool, accounts ...int) error {
	for len(a.commands) == 0 {
		if err := a.rounds(10, accounts...); err != nil {
			return err
		}
		if !comeAndGo {
			continue
		}
		if err := a.group.Close(); err != nil {
			return err
		}
		if err := a.open(kit.Patience); err != nil {
			return err
		}
	}
	return nil
}

// answer says how a command went. Nobody is told that a group is in the making
// before his context ends.
func answer(abandoned bool, err error) string {
	switch {
	case err == nil && abandoned:
		return "abandoned"
	case err == nil:
		return "ok"
	case errors.Is(err, sysv.ErrNotInitialized) && errors.Is(err, context.DeadlineExceeded):
		return "in the making"
	case errors.Is(err, sysv.ErrRemoved):
		return "removed"
	case errors.Is(err, fs.ErrNotExist):
		return "none"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
