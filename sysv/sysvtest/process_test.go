//go:build linux && !android

package sysvtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/sysvtest"
)

var echo = sysvtest.Helper("echo", func(args []string) error {
	fmt.Println(args)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println("heard", in.Text())
	}
	return nil
})

var namespace = sysvtest.Helper("namespace", func([]string) error {
	fmt.Println(ipcNamespace(), os.Geteuid())
	return nil
})

var fail = sysvtest.Helper("fail", func([]string) error { return errors.New("as it should") })

func TestHelperTalks(t *testing.T) {
	p := sysvtest.Start(t, echo, "a b", "c")
	p.Expect("[a b c]")
	p.Send("one")
	p.Send("two")
	p.Expect("heard one")
	p.Expect("heard two")
	p.Finish()
}

func TestHelperSharesTheNamespace(t *testing.T) {
	cmd := sysvtest.Command(namespace)
	uid := os.Geteuid()
	if uid == 0 {
		uid = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	p := sysvtest.StartCommand(t, cmd)
	p.Expect(fmt.Sprint(ipcNamespace(), " ", uid))
	p.Finish()
}

func TestHelperDiesWithTheTest(t *testing.T) {
	var pid int
	t.Run("test", func(t *testing.T) {
		p := sysvtest.Start(t, echo)
		p.Expect("[]")
		pid = p.Process.Pid
	})
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the helper lives on: %v", err)
	}
}

func TestKillWaitsForTheEnd(t *testing.T) {
	p := sysvtest.Start(t, echo)
	p.Expect("[]")
	p.Kill()
	if err := syscall.Kill(p.Process.Pid, 0); err != syscall.ESRCH {
		t.Errorf("the helper lives on: %v", err)
	}
}

// A verdict takes the place of a test's, to see it fail.
type verdict struct {
	testing.TB
	fatal string
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestHelperFailsTheTest(t *testing.T) {
	for _, tt := range []struct {
		name, helper string
		step         func(*sysvtest.Process)
		want         string
	}{
		{"that expects another line", echo, func(p *sysvtest.Process) { p.Expect("hello") }, `printed "[]", want "hello"`},
		{"that expects a line when it has ended", fail, func(p *sysvtest.Process) { p.Line() }, "ended without another line: exit status 1"},
		{"that expects a good end", fail, (*sysvtest.Process).Finish, "exit status 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &verdict{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				cmd := sysvtest.Command(tt.helper)
				tt.step(sysvtest.StartCommand(v, cmd))
			}()
			<-done
			if !strings.Contains(v.fatal, tt.want) {
				t.Errorf("failed with %q, want %q in it", v.fatal, tt.want)
			}
		})
	}
}

func TestHelperNamesAreChecked(t *testing.T) {
	for name, call := range map[string]func(){
		"registered twice": func() { sysvtest.Helper(echo, func([]string) error { return nil }) },
		"not registered":   func() { sysvtest.Command("nobody") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}
