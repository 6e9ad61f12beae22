//go:build linux && !android

package shm_test

import (
	"io/fs"
	"math"
	"os"
	"strconv"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestOpen(t *testing.T) {
	seg := create(t, 5000, nil)
	got, err := shm.Open(seg.Key(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if namedBy(got) != namedBy(seg) {
		t.Errorf("Open = %+v, want %+v", namedBy(got), namedBy(seg))
	}
}

func TestOpenNothing(t *testing.T) {
	key := sysv.RandomKey()
	_, err := shm.Open(key, nil)
	kit.WantError(t, err, fs.ErrNotExist, "shmget key "+key.String())
}

// shmget would make a segment of the key 0, or of any program's forgotten
// setting.
func TestOpenPrivate(t *testing.T) {
	before, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	_, err = shm.Open(sysv.Private, nil)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, _, err = shm.OpenOrCreate(sysv.Private, 1, nil)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
	after, err := shm.List()
	if err != nil || len(after) != len(before) {
		t.Errorf("%d segments before, %d after, %v", len(before), len(after), err)
	}
}

func TestOpenID(t *testing.T) {
	seg := create(t, 5000, nil)
	got, err := shm.OpenID(seg.ID())
	if err != nil {
		t.Fatal(err)
	}
	if namedBy(got) != namedBy(seg) {
		t.Errorf("OpenID = %+v, want %+v", namedBy(got), namedBy(seg))
	}
}

func TestOpenIDNothing(t *testing.T) {
	seg := create(t, 1, nil)
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	ids := []int{-1, math.MinInt32, math.MaxInt32, seg.ID()}
	if live := create(t, 1, nil); strconv.IntSize > 32 {
		ids = append(ids, int(int64(live.ID())+1<<32)) // the kernel would cut it to live's
	}
	for _, id := range ids {
		_, err := shm.OpenID(id)
		kit.WantError(t, err, fs.ErrNotExist)
	}
}

func TestOpenOrCreate(t *testing.T) {
	emulator.Mode.Skip(t)
	key := sysv.RandomKey()
	seg, created, err := shm.OpenOrCreate(key, 5000, &shm.Config{Mode: 0o640})
	if err != nil {
		t.Fatal(err)
	}
	removeAtEnd(t, seg)
	if st := stat(t, seg); !created || st.Size != 5000 || st.Mode != 0o640 {
		t.Errorf("created %v with %d bytes and mode %#o, want 5000 and 0640", created, st.Size, st.Mode)
	}

	for _, size := range []int{5000, 4999, 1} {
		again, created, err := shm.OpenOrCreate(key, size, nil)
		if err != nil || created || namedBy(again) != namedBy(seg) {
			t.Errorf("for %d bytes: %+v, created %v, %v, want the existing %+v", size, again, created, err, namedBy(seg))
		}
	}
	if st := stat(t, seg); st.Mode != 0o640 {
		t.Errorf("opening made the mode %#o", st.Mode)
	}

	again, created, err := shm.OpenOrCreate(key, 5001, nil)
	if again != nil || created {
		t.Errorf("a smaller segment was opened (%v) or created (%v)", again, created)
	}
	kit.WantError(t, err, syscall.EINVAL)
	kit.WantError(t, err, sysv.ErrSize, "5000 bytes, 5001 are asked for")
}

func TestOwnedBy(t *testing.T) {
	seg := create(t, 1, nil)
	me := uint32(os.Geteuid())
	for _, tt := range []struct {
		owner uint32
		want  error
	}{
		{me, nil},
		{me + 1, fs.ErrPermission},
	} {
		_, err := shm.Open(seg.Key(), &shm.OpenConfig{OwnedBy: &tt.owner})
		kit.WantError(t, err, tt.want)
		_, _, err = shm.OpenOrCreate(seg.Key(), 1, &shm.Config{OwnedBy: &tt.owner})
		kit.WantError(t, err, tt.want)
	}
}
