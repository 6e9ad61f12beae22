//go:build linux && !android

package shm_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

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
			out, err := sysvtest.Command(fault, what, strconv.Itoa(seg.ID())).CombinedOutput()
			text := string(out)
			if err == nil || !strings.HasPrefix(text, "byte 0 was 9\n") || strings.Contains(text, "byte 0 is") || !strings.Contains(text, "SIGSEGV") {
				t.Errorf("the process did not die of it: %v\n%s", err, text)
			}
			if got := m.Bytes()[0]; got != 9 {
				t.Errorf("byte 0 is %d afterwards, want 9", got)
			}
		})
	}
}
