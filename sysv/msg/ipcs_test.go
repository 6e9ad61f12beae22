//go:build linux && !android

package msg_test

import (
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

func TestIpcsShowsOurs(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	q := makeQueue(t, key, &msg.Config{Mode: 0o640, MaxBytes: 4321})
	send(t, q, "1 seven77", "5 ", "2 abc")
	out := kit.Run(t, "ipcs", "-q")
	found := false
	for line := range strings.Lines(out) {
		f := strings.Fields(line) // key msqid owner perms used-bytes messages
		if len(f) == 6 && f[0] == key.String() {
			found = true
			if f[1] != strconv.Itoa(q.ID()) || f[3] != "640" || f[4] != "10" || f[5] != "3" {
				t.Errorf("ipcs shows %q of queue %d", line, q.ID())
			}
		}
	}
	if !found {
		t.Errorf("ipcs does not show key %v:\n%s", key, out)
	}
	if out := kit.Run(t, "ipcs", "-q", "-i", strconv.Itoa(q.ID())); !strings.Contains(out, "qbytes=4321") || !strings.Contains(out, "qnum=3") {
		t.Errorf("ipcs shows:\n%s", out)
	}
}

func TestIpcrmRemovesOurs(t *testing.T) {
	byID := newQueue(t)
	kit.Run(t, "ipcrm", "-q", strconv.Itoa(byID.ID()))
	kit.WantError(t, byID.Remove(), sysv.ErrRemoved)

	key := newKey(t)
	byKey := makeQueue(t, key, nil)
	kit.Run(t, "ipcrm", "-Q", key.String())
	kit.WantError(t, byKey.Remove(), sysv.ErrRemoved)
	_, err := msg.Open(key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}

func TestIpcmkMakesOneThatWeUse(t *testing.T) {
	out := kit.Run(t, "ipcmk", "-Q", "-p", "600")
	_, number, _ := strings.Cut(out, ": ")
	id, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		t.Fatalf("ipcmk printed %q", out)
	}
	q := openID(t, id)
	t.Cleanup(func() { kit.Must(t, q.Remove()) })
	send(t, q, "1 a")
	opened, err := msg.Open(q.Key(), nil)
	kit.Must(t, err)
	wantLeft(t, opened, "1 a")
}
