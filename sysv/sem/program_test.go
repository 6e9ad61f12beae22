//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// programKind names, in the environment, what kind of program a helper is: some
// have to be so before main begins.
const programKind = "SYSVIPC_PROGRAM"

func init() {
	if os.Getenv(programKind) == "main thread" {
		runtime.LockOSThread()
	}
}

// programs are what has to be done, or to be so, for each kind of program. What
// they return is called at the end.
var programs = map[string]func() (end func() error, err error){
	"plain":           func() (func() error, error) { return nil, nil },
	"asyncpreemptoff": func() (func() error, error) { return nil, nil },
	"main thread": func() (func() error, error) {
		if unix.Gettid() != unix.Getpid() {
			return nil, errors.New("not on the main thread")
		}
		return nil, nil
	},
	"Notify": func() (func() error, error) {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught)
		return func() error {
			if got := <-caught; got != unix.SIGURG {
				return fmt.Errorf("caught %v", got)
			}
			return nil
		}, nil
	},
	"Ignore": func() (func() error, error) {
		signal.Ignore(unix.SIGURG)
		return nil, kit.WantUrgent("SigIgn")
	},
	"started with it ignored": func() (func() error, error) {
		return nil, kit.Again(func() error { signal.Ignore(unix.SIGURG); return nil })
	},
	"started with it blocked": func() (func() error, error) {
		return nil, kit.Again(kit.BlockUrgent)
	},
	// Go's runtime leaves it so only where it has no use for the signal.
	"started with it blocked, asyncpreemptoff": func() (func() error, error) {
		err := kit.Again(kit.BlockUrgent)
		return nil, errors.Join(err, kit.WantUrgent("SigBlk"))
	},
	"profiled": func() (func() error, error) {
		stop := make(chan struct{})
		var busy sync.WaitGroup
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					kit.Signal(os.Getpid(), unix.SIGPROF)
				}
			}
		})
		return func() error {
			close(stop)
			busy.Wait()
			pprof.StopCPUProfile()
			return nil
		}, pprof.StartCPUProfile(io.Discard)
	},
}

// endures cancels waits as the kind of program that it is.
var endures = sysvtest.Helper("endures", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	rounds := v[0]
	end, err := programs[os.Getenv(programKind)]()
	if err != nil {
		return err
	}
	if err := endure(s, rounds); err != nil {
		return err
	}
	if end != nil {
		if err := end(); err != nil {
			return err
		}
	}
	fmt.Println("ok")
	return nil
})

// endure ends waits for the semaphores 0 and 1, which are 0, in every way.
func endure(s *sem.Set, rounds int) error {
	takeFirst := func(ctx context.Context) error { return s.Do(ctx, take) }
	for range rounds {
		for _, call := range []func(context.Context) error{takeFirst, s.Mutex(1).Lock} {
			if err := cancelSoon(call); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("cancelled: %v", err)
			}
			ctx, cancel := context.WithTimeout(bg, time.Duration(rand.IntN(int(3*time.Millisecond))))
			err := call(ctx)
			deadline, _ := ctx.Deadline()
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("at its deadline: %v", err)
			}
			if time.Now().Before(deadline) {
				return errors.New("ended before its deadline")
			}
		}
	}
	taken := 0
	for range rounds {
		posted := make(chan error)
		time.AfterFunc(time.Duration(rand.IntN(int(time.Millisecond))), func() { posted <- s.Do(bg, post) })
		err := cancelSoon(takeFirst)
		if err == nil {
			taken++
		} else if !errors.Is(err, context.Canceled) {
			return err
		}
		if err := <-posted; err != nil {
			return err
		}
	}
	if n, err := s.Value(0); n != rounds-taken || err != nil {
		return fmt.Errorf("%d are left of %d, %d were taken (%v)", n, rounds, taken, err)
	}
	if err := s.SetValue(0, 0); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	taker := make(chan error)
	go func() { taker <- s.Do(ctx, take) }()
	for n := 0; n == 0; time.Sleep(time.Millisecond) {
		var err error
		if n, err = s.Waiters(0); err != nil {
			return err
		}
	}
	return errors.Join(s.Do(bg, post), <-taker)
}

func cancelSoon(call func(context.Context) error) error {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	time.AfterFunc(time.Duration(rand.IntN(int(time.Millisecond))), cancel)
	return call(ctx)
}

func TestCancellationInEveryKindOfProgram(t *testing.T) {
	for name := range programs {
		t.Run(name, func(t *testing.T) {
			if name == "Ignore" || name == "started with it blocked, asyncpreemptoff" {
				emulator.Signals.Skip(t)
			}
			t.Parallel()
			s := newSet(t, 0, 0)
			cmd := sysvtest.Command(endures, strconv.Itoa(s.ID()), "20")
			cmd.Env = append(cmd.Env, programKind+"="+name)
			if strings.HasSuffix(name, "asyncpreemptoff") {
				cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
			}
			p := sysvtest.StartCommand(t, cmd)
			p.Expect("ok")
			p.Finish()
			wantValues(t, s, 0, 0)
		})
	}
	t.Run("cgo", func(t *testing.T) {
		if storm.Size(true, false) {
			t.Skip("skipping, compiling takes longer than all the others: run with SYSVIPC_STORM=tenth")
		}
		t.Parallel()
		s := newSet(t, 0, 0)
		out, err := exec.Command(buildWithC(t), strconv.Itoa(s.ID())).CombinedOutput()
		if got := string(out); err != nil || got != "ok [0 0] <nil>\n" {
			t.Errorf("%v\n%s", err, got)
		}
	})
}

// buildWithC compiles testdata/cgo.
func buildWithC(t *testing.T) string {
	t.Helper()
	for name, cure := range map[string]string{
		"go": "put the go command into the PATH",
		"cc": "apt-get install gcc libc6-dev",
	} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("skipping: %v: %s", err, cure)
		}
	}
	if _, err := os.Stat("testdata/cgo"); err != nil {
		t.Skipf("skipping: %v: run the test in its directory", err)
	}
	if out, err := exec.Command("go", "env", "GOHOSTARCH").Output(); err != nil || strings.TrimSpace(string(out)) != runtime.GOARCH {
		t.Skip("skipping, no C compiler for this architecture is set up: run the test on a machine of it")
	}
	if out, err := exec.Command("go", "env", "GOCACHE").CombinedOutput(); err != nil || unix.Access(strings.TrimSpace(string(out)), unix.W_OK) != nil {
		t.Skip("skipping, nowhere to compile to: set GOCACHE to a directory that you can write to")
	}
	prog := filepath.Join(t.TempDir(), "cgo")
	cmd := exec.Command("go", "build", "-o", prog, "./testdata/cgo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return prog
}

// leaves watches what comes to its thread when a wait is over. The runtime must
// not send SIGURG itself.
var leaves = sysvtest.Helper("leaves", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	rounds := v[0]
	runtime.LockOSThread()
	ends := make(map[error]int)
	for i := range rounds {
		late, end, err := leave(s, i)
		if err != nil {
			return err
		}
		if late {
			return fmt.Errorf("round %d: SIGURG came after the call (%v)", i, end)
		}
		ends[errors.Unwrap(end)]++
	}
	fmt.Println(ends[nil] > 0, ends[context.Canceled] > 0, ends[context.DeadlineExceeded] > 0, len(ends))
	return nil
})

// leave waits in vain, or nearly so, and tells whether a signal came after.
func leave(s *sem.Set, round int) (late bool, end, failure error) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	pause := time.Duration(rand.IntN(int(200 * time.Microsecond)))
	posts := false
	switch round % 3 {
	case 0:
		time.AfterFunc(pause, cancel)
	case 1:
		posts = true
		time.AfterFunc(pause, func() { s.Try(post); cancel() })
	case 2:
		deadline, cancel := context.WithTimeout(ctx, pause)
		defer cancel()
		ctx = deadline
	}
	end = s.Do(ctx, take)
	late, failure = signalComes(round%250 == 0)
	if posts && end != nil {
		failure = errors.Join(failure, s.Do(bg, take))
	}
	return late, end, failure
}

// signalComes tells whether the thread gets a SIGURG from now on.
func signalComes(long bool) (bool, error) {
	// What was sent before may still be on its way from the other processor:
	// it comes with the next return from the kernel.
	unix.Gettid()
	if err := kit.BlockUrgent(); err != nil {
		return false, err
	}
	if long {
		time.Sleep(20 * time.Millisecond) // more than ever lies between two signals
	}
	for begin := time.Now(); time.Since(begin) < 20*time.Microsecond; {
		runtime.Gosched()
	}
	comes, err := kit.UrgentIn("SigPnd")
	return comes, errors.Join(err, kit.UnblockUrgent())
}

func TestNoSignalAfterTheCall(t *testing.T) {
	t.Parallel() // it waits
	runs := storm.Amount(1, 6)
	s := newSet(t, 0)
	for range runs {
		cmd := sysvtest.Command(leaves, strconv.Itoa(s.ID()), "1500")
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
		p := sysvtest.StartCommand(t, cmd)
		p.Expect("true true true 3") // it ended in each of the three ways
		p.Finish()
	}
}
