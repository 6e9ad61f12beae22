//go:build linux && !android

package shm_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// child shares what its parent made: it adds 1 to the first byte.
var child = sysvtest.Helper("child", func([]string) error {
	m, err := shm.FromParent()
	if err != nil {
		fmt.Println(err)
		return nil
	}
	m.Bytes()[0]++
	fmt.Println("added")
	io.Copy(io.Discard, os.Stdin)
	return nil
})

func startChild(t *testing.T, env string) *sysvtest.Process {
	cmd := sysvtest.Command(child)
	cmd.Env = append(cmd.Env, env)
	return sysvtest.StartCommand(t, cmd)
}

func TestAnonymousIsSharedWithChildren(t *testing.T) {
	emulator.Mode.Skip(t)
	seg, m, err := shm.Anonymous(5000)
	if err != nil {
		t.Fatal(err)
	}
	if st := stat(t, seg); !st.Dest || st.Nattch != 1 || st.Size != 5000 || seg.Key() != sysv.Private || st.Perm.Mode != 0o600 {
		t.Errorf("it is %+v, want attached once and marked for removal", st)
	}
	for range 3 {
		p := startChild(t, seg.Env())
		p.Expect("added")
		p.Kill()
	}
	if got := m.Bytes()[0]; got != 3 {
		t.Errorf("three children added %d", got)
	}
	// A child that outlives its parent's mapping keeps it.
	p := startChild(t, seg.Env())
	p.Expect("added")
	detach(t, m)
	if st := stat(t, seg); st.Nattch != 1 {
		t.Errorf("nattch %d, want the child's", st.Nattch)
	}
	p.Kill()
	_, err = shm.OpenID(seg.ID())
	kit.WantError(t, err, fs.ErrNotExist)
}

func TestFromParentWithoutOne(t *testing.T) {
	_, err := shm.FromParent()
	kit.WantError(t, err, fs.ErrNotExist, "SYSVIPC_SEGMENT is not set")

	gone, m, err := shm.Anonymous(1)
	if err != nil {
		t.Fatal(err)
	}
	detach(t, m)
	for env, want := range map[string]string{
		gone.Env():                 fmt.Sprintf("shmctl segment %d: no such file or directory (no segment has id %[1]d in this IPC namespace", gone.ID()),
		create(t, 1, nil).Env():    "the parent's segment is gone, this is another's",
		"SYSVIPC_SEGMENT=0x4d2":    `shm: SYSVIPC_SEGMENT="0x4d2" is no id`,
		"SYSVIPC_SEGMENT=":         `shm: SYSVIPC_SEGMENT="" is no id`,
		"SYSVIPC_SEGMENT=-1":       "no segment has id -1",
		"SYSVIPC_SEGMENT=99999999": "no segment has id 99999999",
	} {
		p := startChild(t, env)
		if got := p.Line(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", env, got, want)
		}
		p.Finish()
	}
}

func TestAnonymousRefusesSizes(t *testing.T) {
	_, _, err := shm.Anonymous(0)
	kit.WantError(t, err, syscall.EINVAL, "at least 1 byte")
}
