//go:build linux && !android

package shm_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// fault does what the package says ends the program.
var fault = sysvtest.Helper("fault", func(args []string) error {
	id, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	seg, err := shm.OpenID(id)
	if err != nil {
		return err
	}
	m, err := seg.Attach(&shm.AttachConfig{ReadOnly: args[0] == "write where read-only"})
	if err != nil {
		return err
	}
	b := m.Bytes()
	fmt.Println("byte 0 was", b[0])
	if args[0] == "read after Detach" {
		if err := m.Detach(); err != nil {
			return err
		}
		fmt.Println("byte 0 is", b[0])
		return nil
	}
	b[0] = 1
	fmt.Println("byte 0 is", b[0])
	return nil
})

func TestFaults(t *testing.T) {
	for _, what := range []string{"write where read-only", "read after Detach"} {
		t.Run(what, func(t *testing.T) {
			seg := create(t, 1, nil)
			m := attach(t, seg, nil)
			m.Bytes()[0] = 9
			diesOf(t, what, seg, "SIGSEGV", "byte 0 was 9\n")
			if got := m.Bytes()[0]; got != 9 {
				t.Errorf("byte 0 is %d afterwards, want 9", got)
			}
		})
	}
}

// Without NoReserve there would be no such segment: TestHugePagesRefused. Who
// keeps away from its memory comes to no harm.
func TestFaultOfAHugePageThatThePoolLacks(t *testing.T) {
	emulator.HugePages.Skip(t)
	lockPool(t)
	emptyPool(t)
	seg, err := shm.Create(sysv.Private, 1, &shm.Config{HugePage: shm.DefaultHugePage, NoReserve: true})
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("skipping, run as root: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	removeAtEnd(t, seg)
	m := attach(t, seg, nil)
	diesOf(t, "read a page that is not there", seg, "SIGBUS", "")
	detach(t, m)
	if st := stat(t, seg); st.Nattch != 0 || st.Size != 1 {
		t.Errorf("afterwards it is %+v", st)
	}
}

// diesOf checks that a process dies of a signal, after it has said something.
func diesOf(t *testing.T, what string, seg *shm.Segment, signal, said string) {
	t.Helper()
	out, err := sysvtest.Command(fault, what, strconv.Itoa(seg.ID())).CombinedOutput()
	text := string(out)
	if err == nil || !strings.HasPrefix(text, said) || strings.Contains(text, "byte 0 is") || !strings.Contains(text, "signal "+signal) {
		t.Errorf("the process did not die of %s: %v\n%s", signal, err, text)
	}
}
