//go:build linux && !android

package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
)

// TestStranger: another user's ipcdemo can't join a run, and says whose it is.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipping, can't be another user: run the tests as root")
	}
	const key sysv.Key = 0x1e0001
	b, err := createBoard(key, 1, lockSemop)
	if err != nil {
		t.Fatal(err)
	}
	defer b.remove()
	// The binary's name makes it ipcdemo, see TestMain; the link makes it
	// executable for others, see sysvtest.Command.
	cmd := exec.Command("/proc/self/exe", "join", "--key", key.String())
	cmd.Args[0] = "ipcdemo"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ipcdemo join: %v, want exit status 1", err)
	}
	if said := string(out); !strings.Contains(said, "permission denied") ||
		!strings.Contains(said, "hint: created by uid 0, owned by uid 0, gid 0, mode 0600\n") {
		t.Errorf("ipcdemo join said\n%s", said)
	}
}
