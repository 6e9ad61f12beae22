//go:build linux && !android

package msg_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestNewQueueIsEmpty(t *testing.T) {
	key := newKey(t)
	q := makeQueue(t, key, nil)
	if q.Key() != key {
		t.Errorf("key %v, want %v", q.Key(), key)
	}
	stat := statOf(t, q)
	limits, err := msg.Limits()
	kit.Must(t, err)
	if stat.Messages != 0 || stat.Bytes != 0 || stat.MaxBytes != limits.MsgMNB {
		t.Errorf("%+v, want no messages and MaxBytes of %d", stat, limits.MsgMNB)
	}
	wantLeft(t, q)
}

func TestCreateIsExclusive(t *testing.T) {
	key := newKey(t)
	q := makeQueue(t, key, nil)
	send(t, q, "1 here")
	_, err := msg.Create(key, &msg.Config{MaxBytes: 100})
	kit.WantError(t, err, fs.ErrExist)
	if e, ok := errors.AsType[*sysv.Error](err); !ok || e.Op != "msgget" || e.Key != key || e.ID != -1 {
		t.Errorf("%#v", err)
	}
	wantLeft(t, q, "1 here")
}

func TestPrivateQueuesAreDistinct(t *testing.T) {
	a, b := newQueue(t), newQueue(t)
	if a.ID() == b.ID() {
		t.Errorf("both have id %d", a.ID())
	}
	if a.Key() != sysv.Private {
		t.Errorf("key %v", a.Key())
	}
	send(t, a, "1 a")
	wantLeft(t, b)
	wantLeft(t, a, "1 a")
}

func TestNegativeKeys(t *testing.T) {
	for _, key := range []sysv.Key{0xffffffff, 1 << 31} {
		q := makeQueue(t, key, nil)
		opened, err := msg.Open(key, nil)
		kit.Must(t, err)
		if opened.ID() != q.ID() {
			t.Errorf("key %v opens queue %d, want %d", key, opened.ID(), q.ID())
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	key := newKey(t)
	limits, err := msg.Limits()
	kit.Must(t, err)
	above := limits.MsgMNB + 1
	for _, tt := range []struct {
		name string
		cfg  msg.Config
		err  error
		hint string
	}{
		{"a mode with set-uid bit", msg.Config{Mode: 0o4600}, syscall.EINVAL, "0o777"},
		{"a mode with the kernel's IPC_CREAT", msg.Config{Mode: 0o1600}, syscall.EINVAL, "0o777"},
		{"a mode of a directory", msg.Config{Mode: fs.ModeDir | 0o700}, syscall.EINVAL, "0o777"},
		{"negative MaxBytes", msg.Config{MaxBytes: -1}, syscall.EINVAL, "MaxBytes of -1"},
		{"MaxBytes above msgmnb", msg.Config{MaxBytes: above}, fs.ErrPermission, fmt.Sprintf("MaxBytes of %d is above %d (kernel.msgmnb), which needs CAP_SYS_RESOURCE", above, limits.MsgMNB)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == fs.ErrPermission {
				withoutResource(t)
			}
			_, err := msg.Create(key, &tt.cfg)
			kit.WantHint(t, err, tt.err, tt.hint)
			_, created, err := msg.OpenOrCreate(key, &tt.cfg)
			kit.WantHint(t, err, tt.err, tt.hint)
			if created {
				t.Error("OpenOrCreate says that it created")
			}
			_, err = msg.Open(key, nil)
			kit.WantError(t, err, fs.ErrNotExist)
		})
	}
}

func TestMaxBytesAtCreation(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o200} {
		key := newKey(t)
		q, created, err := msg.OpenOrCreate(key, &msg.Config{Mode: mode, MaxBytes: 5})
		kit.Must(t, err)
		if !created {
			t.Error("not created")
		}
		for _, text := range []string{"1 ab", "1 cde"} {
			send(t, q, text)
		}
		if ok, err := q.TrySend(1, []byte("f")); ok || err != nil {
			t.Errorf("a sixth byte: %v, %v", ok, err)
		}
		for _, stat := range list(t) {
			if stat.ID == q.ID() && stat.MaxBytes != 5 {
				t.Errorf("MaxBytes is %d", stat.MaxBytes)
			}
		}
	}
}

// create makes a queue and looks at it by its id. It stays until its input ends.
var create = sysvtest.Helper("create", func(args []string) error {
	key, mode, err := kit.KeyAndMode(args)
	if err != nil {
		return err
	}
	maxBytes, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	syscall.Umask(0o777) // which plays no part
	made, err := msg.Create(key, &msg.Config{Mode: mode, MaxBytes: maxBytes})
	if err != nil {
		return err
	}
	q, err := msg.OpenID(made.ID())
	if err != nil {
		return err
	}
	_, err1 := q.Stat()
	_, err2 := q.TrySend(1, nil)
	fmt.Println(q.ID(), outcome(err1), outcome(err2))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

// A mode that forbids its owner reading must not be in the way of MaxBytes.
func TestModeIsExact(t *testing.T) {
	emulator.Mode.Skip(t)
	for _, tt := range []struct {
		mode, want  fs.FileMode
		maxBytes    int
		read, write string
	}{
		{0, 0o600, 0, "ok", "ok"},
		{0, 0o600, 100, "ok", "ok"},
		{0o440, 0o440, 0, "ok", "EACCES"},
		{0o440, 0o440, 100, "ok", "EACCES"},
		{0o200, 0o200, 0, "EACCES", "ok"},
		{0o200, 0o200, 100, "EACCES", "ok"},
		{0o002, 0o002, 100, "EACCES", "EACCES"},
		{0o777, 0o777, 100, "ok", "ok"},
	} {
		t.Run(fmt.Sprintf("%#o, %d bytes", uint32(tt.mode), tt.maxBytes), func(t *testing.T) {
			key := newKey(t)
			cmd := sysvtest.Command(create, key.String(), fmt.Sprintf("%o", uint32(tt.mode)), strconv.Itoa(tt.maxBytes))
			p := sysvtest.StartCommand(t, kit.Ordinary(cmd))
			line := p.Line()
			var id int
			var read, write string
			if _, err := fmt.Sscan(line, &id, &read, &write); err != nil || read != tt.read || write != tt.write {
				t.Errorf("helper printed %q, want the id, %s and %s", line, tt.read, tt.write)
			}
			p.Finish()
			q, err := msg.Open(key, nil)
			kit.Must(t, err)
			if q.ID() != id {
				t.Errorf("opened queue %d, want %d", q.ID(), id)
			}
			for _, stat := range list(t) {
				if stat.ID == id && stat.Mode != tt.want {
					t.Errorf("mode %#o, want %#o", uint32(stat.Mode), uint32(tt.want))
				}
			}
		})
	}
}

func TestFirstIDOfANamespaceIsZero(t *testing.T) {
	cmd := sysvtest.Command(create, "0x4d2", "600", "0")
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make an IPC namespace without another user's")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("0 ok ok")
	p.Finish()
}
