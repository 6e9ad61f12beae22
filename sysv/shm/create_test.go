//go:build linux && !android

package shm_test

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestCreate(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 5000, nil)
	if seg.ID() < 0 || seg.Key() == sysv.Private || seg.Size() != 5000 {
		t.Errorf("id %d, key %v, size %d", seg.ID(), seg.Key(), seg.Size())
	}
	got := stat(t, seg)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	want := shm.Stat{
		ID:   seg.ID(),
		Perm: sysv.Perm{Key: seg.Key(), UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: 0o600},
		Size: 5000,
		CPID: os.Getpid(),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(shm.Stat{}, "Perm.Seq", "CTime")); diff != "" {
		t.Errorf("Stat (-want +got)\n%s", diff)
	}
	if age := time.Since(got.CTime); age.Abs() > time.Hour {
		t.Errorf("created %v ago, want just now", age)
	}
}

func TestCreateIsExclusive(t *testing.T) {
	seg := create(t, 10, nil)
	_, err := shm.Create(seg.Key(), 10, nil)
	kit.WantError(t, err, fs.ErrExist, "shmget key "+seg.Key().String())
}

func TestCreatePrivateMakesAnotherEachTime(t *testing.T) {
	seen := make(map[int]bool)
	for range 3 {
		seg, err := shm.Create(sysv.Private, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		removeAtEnd(t, seg)
		if seen[seg.ID()] {
			t.Fatalf("id %d twice", seg.ID())
		}
		seen[seg.ID()] = true
		if st := stat(t, seg); st.Key != sysv.Private {
			t.Errorf("segment %d has key %v", st.ID, st.Key)
		}
	}
}

func TestKeysOfEitherSign(t *testing.T) {
	for _, key := range []sysv.Key{1 << 31, 0xffffffff, sysv.RandomKey() | 1<<31, 1<<31 - 1} {
		seg, err := shm.Create(key, 1, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		removeAtEnd(t, seg)
		opened, err := shm.Open(key, nil)
		if err != nil || opened.ID() != seg.ID() {
			t.Errorf("Open(%v) = %v, %v, want id %d", key, opened, err, seg.ID())
		}
		if st := stat(t, seg); st.Key != key {
			t.Errorf("Stat says key %v, want %v", st.Key, key)
		}
		if st, ok := listed(t, seg.ID()); !ok || st.Key != key {
			t.Errorf("List says key %v, want %v", st.Key, key)
		}
	}
}

func TestCreateMode(t *testing.T) {
	old := syscall.Umask(0o777)
	defer syscall.Umask(old)
	for given, want := range map[fs.FileMode]fs.FileMode{
		0:     0o600,
		0o400: 0o400,
		0o640: 0o640,
		0o666: 0o666,
		0o777: 0o777,
	} {
		seg := create(t, 1, &shm.Config{Mode: given})
		if st, ok := listed(t, seg.ID()); !ok || st.Mode != want {
			t.Errorf("mode %#o became %#o, want %#o", given, st.Mode, want)
		}
	}
}

func TestCreateRefusesOtherModeBits(t *testing.T) {
	for _, mode := range []fs.FileMode{0o1000, 0o2600, 0o4600, fs.ModeDir | 0o600, fs.ModeSetuid | 0o600} {
		cfg := &shm.Config{Mode: mode}
		key := sysv.RandomKey()
		_, err := shm.Create(key, 1, cfg)
		kit.WantError(t, err, syscall.EINVAL, "bits outside 0o777")
		_, _, err = shm.OpenOrCreate(key, 1, cfg)
		kit.WantError(t, err, syscall.EINVAL, "bits outside 0o777")
		wantFree(t, key)
	}
}

func TestSizeIsNotRounded(t *testing.T) {
	page := os.Getpagesize()
	for _, size := range []int{1, page - 1, page, page + 1} {
		seg := create(t, size, nil)
		if st := stat(t, seg); st.Size != int64(size) {
			t.Errorf("Stat says %d bytes, want %d", st.Size, size)
		}
		m := attach(t, seg, nil)
		if m.Len() != size {
			t.Errorf("Len = %d, want %d", m.Len(), size)
		}
		if !bytes.Equal(m.Bytes(), make([]byte, size)) {
			t.Errorf("new segment of %d bytes is not all zero", size)
		}
	}
}

func TestSizesBeyond32Bits(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("skipping, int has 32 bits: run on a 64-bit architecture")
	}
	emulator.HugeMappings.Skip(t)
	if overcommit(t) == "2" {
		t.Skip("skipping, this machine backs all that it promises: set vm.overcommit_memory to 0")
	}
	other := startPeer(t, nil)
	for _, size := range []int64{1<<31 - 1, 1<<31 + 1, 1<<32 + 1, 5<<30 + 3, 1 << 40} {
		seg := create(t, int(size), &shm.Config{NoReserve: true})
		if st := stat(t, seg); st.Size != size {
			t.Errorf("Stat says %d bytes, want %d", st.Size, size)
		}
		if st, _ := listed(t, seg.ID()); st.Size != size {
			t.Errorf("List says %d bytes, want %d", st.Size, size)
		}
		other.ok("open %v", seg.Key())
		if got := other.ok("size"); got != strconv.FormatInt(size, 10) {
			t.Errorf("another process opens %s bytes, want %d", got, size)
		}
		m := attach(t, seg, nil)
		if m.Len() != int(size) {
			t.Errorf("Len = %d, want %d", m.Len(), size)
		}
		// The ends are memory, each its own.
		m.Bytes()[0], m.Bytes()[size-1] = 1, 2
		other.ok("attach")
		if got := other.ok("read %d 1", size-1); got != "\x02" {
			t.Errorf("last byte of %d is %q in another process, want 2", size, got)
		}
		other.ok("detach")
	}
}

func TestCreateRefusesSizes(t *testing.T) {
	for _, size := range []int{0, -1, math.MinInt} {
		key := sysv.RandomKey()
		_, err := shm.Create(key, size, nil)
		kit.WantError(t, err, syscall.EINVAL, "size "+strconv.Itoa(size))
		_, _, err = shm.OpenOrCreate(key, size, nil)
		kit.WantError(t, err, syscall.EINVAL, "size "+strconv.Itoa(size))
		wantFree(t, key)
	}
}

func TestCreateMoreThanThereIsMemory(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("skipping, 31 bits of memory may well be there: run on a 64-bit architecture")
	}
	if overcommit(t) == "1" {
		t.Skip("skipping, this machine promises any amount of memory: set vm.overcommit_memory to 0")
	}
	for _, size := range []int64{1 << 46, 1 << 62, math.MaxInt64} {
		key := sysv.RandomKey()
		_, err := shm.Create(key, int(size), nil)
		limits, lerr := shm.Limits()
		if lerr != nil {
			t.Fatal(lerr)
		}
		if uint64(size) > limits.ShmMax {
			kit.WantError(t, err, syscall.EINVAL, "kernel.shmmax")
		} else {
			kit.WantError(t, err, syscall.ENOMEM, strconv.FormatInt(size, 10), "NoReserve")
		}
		wantFree(t, key)
	}
}

func overcommit(t *testing.T) string {
	policy, err := os.ReadFile("/proc/sys/vm/overcommit_memory")
	if err != nil {
		t.Skipf("skipping, mount /proc: %v", err)
	}
	return strings.TrimSpace(string(policy))
}

// wantFree checks that no segment has the key.
func wantFree(t *testing.T, key sysv.Key) {
	t.Helper()
	_, err := shm.Open(key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}
