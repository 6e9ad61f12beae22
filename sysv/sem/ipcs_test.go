//go:build linux && !android

package sem_test

import (
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// run returns what another program prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	needCommand(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestIpcsShowsOurs(t *testing.T) {
	key := newKey(t)
	s, err := sem.Create(key, []int{1, 2, 3}, &sem.Config{Mode: 0o640})
	must(t, err)
	out := run(t, "ipcs", "-s")
	for line := range strings.Lines(out) {
		f := strings.Fields(line) // key semid owner perms nsems
		if len(f) == 5 && f[0] == key.String() {
			if f[1] != strconv.Itoa(s.ID()) || f[3] != "640" || f[4] != "3" {
				t.Errorf("ipcs shows %q of set %d", line, s.ID())
			}
			return
		}
	}
	t.Errorf("ipcs does not show key %v:\n%s", key, out)
}

func TestIpcrmRemovesOurs(t *testing.T) {
	byID := newSet(t, 1)
	run(t, "ipcrm", "-s", strconv.Itoa(byID.ID()))
	wantError(t, byID.Remove(), sysv.ErrRemoved)

	key := newKey(t)
	byKey, err := sem.Create(key, []int{1}, nil)
	must(t, err)
	run(t, "ipcrm", "-S", key.String())
	wantError(t, byKey.Remove(), sysv.ErrRemoved)
	_, err = sem.Open(patient(t), key, nil)
	wantError(t, err, fs.ErrNotExist)
}

// ipcmk gives no values.
func TestIpcmkMakesASetWithoutValues(t *testing.T) {
	out := run(t, "ipcmk", "-S", "3", "-p", "600")
	_, number, _ := strings.Cut(out, ": ")
	id, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		t.Fatalf("ipcmk printed %q", out)
	}
	s := openID(t, id)
	t.Cleanup(func() { must(t, s.Remove()) })
	wantValues(t, s, 0, 0, 0)
	_, err = sem.Open(brief(t), s.Key(), nil)
	wantHint(t, err, sysv.ErrNotInitialized, fmt.Sprintf("ipcrm -s %d", id))

	must(t, s.SetValue(1, 5))
	opened, err := sem.Open(patient(t), s.Key(), nil)
	must(t, err)
	if opened.ID() != id || opened.Len() != 3 {
		t.Errorf("set %d of %d, want %d of 3", opened.ID(), opened.Len(), id)
	}
	wantValues(t, opened, 0, 5, 0)
}
