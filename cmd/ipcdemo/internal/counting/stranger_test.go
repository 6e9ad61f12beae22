//go:build linux && !android

package counting

import (
	"os"
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
	cmd := ipcdemo(t.Context(), "join", "--key", key.String()) // a link, which others may execute, see sysvtest.Command
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
