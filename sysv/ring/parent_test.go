//go:build linux && !android && !sysvipc_steps

package ring

import (
	"io/fs"
	"os"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// A child sends the value that it reads, back to its parent.
var child = sysvtest.Helper("child", func([]string) error {
	q, err := QueueFromParent(bg, nil)
	if err != nil {
		return err
	}
	l, err := LatestFromParent(bg, nil)
	if err != nil {
		return err
	}
	buf := make([]byte, l.Size())
	n, _, err := l.Get(buf)
	if err != nil {
		return err
	}
	return q.Send(bg, buf[:n])
})

func TestChildrenFindTheirParentsRings(t *testing.T) {
	cfg := &Config{Ephemeral: true}
	q, err := CreateQueue(bg, sysv.Private, cfg)
	kit.Must(t, err)
	l, err := CreateLatest(bg, sysv.Private, 10, cfg)
	kit.Must(t, err)
	set(t, l, "value", 1)
	cmd := sysvtest.Command(child)
	cmd.Env = append(cmd.Environ(), q.Env(), l.Env())
	sysvtest.StartCommand(t, cmd).Finish()
	kit.Must(t, receive(t, q, "value", 0).Done())
	kit.Must(t, q.Close())
	kit.Must(t, l.Close())
}

func TestNoParent(t *testing.T) {
	for name, open := range map[string]func() error{
		"SYSVIPC_QUEUE":  func() error { _, err := QueueFromParent(bg, nil); return err },
		"SYSVIPC_FEED":   func() error { _, err := FeedFromParent(bg, nil); return err },
		"SYSVIPC_LATEST": func() error { _, err := LatestFromParent(bg, nil); return err },
	} {
		t.Setenv(name, "")
		os.Unsetenv(name)
		kit.WantError(t, open(), fs.ErrNotExist, name+" is not set")
		t.Setenv(name, "x")
		if err := open(); err == nil {
			t.Errorf("%s=x is an id", name)
		}
		t.Setenv(name, "2147483647")
		kit.WantError(t, open(), fs.ErrNotExist)
	}
}
