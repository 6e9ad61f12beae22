//go:build linux && !android

package msg_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
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

// programs are what has to be done for each kind of program.
var programs = map[string]func() error{
	"plain":           func() error { return nil },
	"asyncpreemptoff": func() error { return nil },
	"main thread": func() error {
		if unix.Gettid() != unix.Getpid() {
			return errors.New("not on the main thread")
		}
		return nil
	},
	"Notify": func() error {
		signal.Notify(make(chan os.Signal, 1))
		return nil
	},
	"Ignore": func() error {
		signal.Ignore(unix.SIGURG)
		return kit.WantUrgent("SigIgn")
	},
	// Go's runtime leaves it so only where it has no use for the signal.
	"started with it blocked, asyncpreemptoff": func() error {
		return errors.Join(kit.Again(kit.BlockUrgent), kit.WantUrgent("SigBlk"))
	},
}

// endures ends waits, in a queue that is empty and in one that is full, as the
// kind of program that it is.
var endures = sysvtest.Helper("endures", func(args []string) error {
	empty, v, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	full, err := msg.OpenID(v[0])
	if err != nil {
		return err
	}
	if err := programs[os.Getenv(programKind)](); err != nil {
		return err
	}
	for range v[1] {
		for _, b := range blockingCalls(empty, full) {
			if err := endure(b.call); err != nil {
				return fmt.Errorf("%s %w", b.name, err)
			}
		}
	}
	if err := succeed(empty, full); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
})

func endure(call func(context.Context) error) error {
	ctx, cancel := context.WithCancel(bg)
	time.AfterFunc(time.Duration(rand.IntN(int(time.Millisecond))), cancel)
	if err := call(ctx); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(bg, time.Duration(rand.IntN(int(3*time.Millisecond))))
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("at its deadline: %v", err)
	}
	if time.Now().Before(deadline) {
		return errors.New("ended before its deadline")
	}
	return nil
}

// succeed waits for what comes.
func succeed(empty, full *msg.Queue) error {
	ctx, cancel := context.WithTimeout(bg, kit.Patience)
	defer cancel()
	time.AfterFunc(5*time.Millisecond, func() { empty.TrySend(3, []byte("hello")) })
	m, err := empty.Receive(ctx, msg.UpTo(5), make([]byte, 5))
	if err != nil || text(m) != "3 hello" {
		return fmt.Errorf("received %q, %v", text(m), err)
	}
	time.AfterFunc(5*time.Millisecond, func() { full.TryNext(msg.Any) })
	if err := full.Send(ctx, 1, []byte("z")); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	time.AfterFunc(5*time.Millisecond, func() { empty.Remove() })
	_, err = empty.Next(ctx, msg.Any)
	if outcome(err) != "identifier removed" {
		return fmt.Errorf("removed: %v", err)
	}
	return nil
}

func TestCancellationInEveryKindOfProgram(t *testing.T) {
	for name := range programs {
		t.Run(name, func(t *testing.T) {
			if name == "Ignore" || name == "started with it blocked, asyncpreemptoff" {
				emulator.Signals.Skip(t)
			}
			t.Parallel()
			empty, full := newQueue(t), full(t)
			cmd := sysvtest.Command(endures, strconv.Itoa(empty.ID()), strconv.Itoa(full.ID()), "10")
			cmd.Env = append(cmd.Env, programKind+"="+name)
			if strings.HasSuffix(name, "asyncpreemptoff") {
				cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
			}
			p := sysvtest.StartCommand(t, cmd)
			p.Expect("ok")
			p.Finish()
			wantLeft(t, full, "1 z")
		})
	}
}
