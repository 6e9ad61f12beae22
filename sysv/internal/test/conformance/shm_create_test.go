//go:build linux && !android

package conformance

import (
	"bytes"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

var shmCreateRows = []row{
	{"SHM-001", "IPC_PRIVATE makes another segment each time, with an id of 0 or more (shmget(2))", func(t *testing.T) {
		a := segMade(t)(shm.Create(sysv.Private, 10, nil))
		b := segMade(t)(shm.Create(sysv.Private, 10, nil))
		if a.ID() < 0 || b.ID() < 0 || a.ID() == b.ID() {
			t.Errorf("ids %d and %d", a.ID(), b.ID())
		}
		p := shmNamespace(t)
		if id := p.num("create private 10"); id != 0 {
			t.Errorf("the first id of a namespace is %d, want 0", id)
		}
		p.ok("open-id 0")
		p.ok("attach")
	}},

	{"SHM-004", "IPC_CREAT with IPC_EXCL on a key in use is EEXIST (shmget(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		for _, size := range []int{1, 10, 20} {
			_, err := shm.Create(seg.Key(), size, nil)
			shmErr(t, err, syscall.EEXIST, fs.ErrExist)
		}
	}},

	{"SHM-005", "size 0 is EINVAL, being less than SHMMIN (shmget(2))", func(t *testing.T) {
		key := sysv.RandomKey()
		for _, key := range []sysv.Key{sysv.Private, key} {
			_, err := shm.Create(key, 0, nil)
			shmErr(t, err, syscall.EINVAL)
		}
		_, _, err := shm.OpenOrCreate(key, 0, nil)
		shmErr(t, err, syscall.EINVAL)
		_, err = shm.Open(key, nil)
		shmErr(t, err, syscall.ENOENT)
	}},

	{"SHM-024", "more than memory and swap is ENOMEM, and with SHM_NORESERVE a segment, whose mode doesn't tell (shmget(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		if shmBits < 64 {
			t.Skip("skipping, 31 bits of memory may well be there: run on a 64-bit architecture")
		}
		if policy := shmRead(t, "/proc/sys/vm/overcommit_memory"); policy != "0" {
			t.Skipf("skipping, set vm.overcommit_memory to 0: it is %s", policy)
		}
		size := int64(1) << 46
		seg, err := shm.Create(sysv.Private, int(size), nil)
		if err == nil {
			segRemove(t, seg)
		}
		shmErr(t, err, syscall.ENOMEM)

		seg = segCreate(t, int(size), &shm.Config{NoReserve: true, Mode: 0o640})
		if st := segStat(t, seg); st.Size != size || st.Mode != 0o640 {
			t.Errorf("size %d, mode %#o, want %d and 0640", st.Size, st.Mode, size)
		}
		if perms := segColumns(t, seg)[2]; perms != "640" {
			t.Errorf("perms %s in the kernel's table, want 640", perms)
		}
	}},

	{"SHM-025", "kernel.shm_next_id is the next id, once (proc(5))", func(t *testing.T) {
		p := shmNamespace(t)
		for _, id := range []uint64{1234, 5<<15 | 7} {
			p.sysctl("shm_next_id", id)
			if got := p.num("create private 1"); got != id {
				t.Errorf("id %d, want %d", got, id)
			}
			if got := p.ok("read-sysctl shm_next_id"); got != "-1" {
				t.Errorf("shm_next_id is %s afterwards, want -1", got)
			}
		}
	}},

	{"SHM-026", "kernel.shm_next_id in use gives another id, not an error (ipc_idr_alloc in ipc/util.c)", func(t *testing.T) {
		p := shmNamespace(t)
		first := p.num("create private 1")
		p.sysctl("shm_next_id", first)
		second := p.num("create private 1")
		if first == second {
			t.Errorf("id %d twice", first)
		}
		p.ok("open-id %d", first)
		p.ok("open-id %d", second)
	}},

	{"SHM-027", "the size is not rounded up to pages (shmctl(2))", func(t *testing.T) {
		for _, size := range []int{1, shmPage - 1, shmPage, shmPage + 1} {
			seg := segCreate(t, size, nil)
			opened, err := shm.Open(seg.Key(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if st := segStat(t, seg); st.Size != int64(size) || seg.Size() != size || opened.Size() != size {
				t.Errorf("%d bytes became %d, %d as created, %d as opened", size, st.Size, seg.Size(), opened.Size())
			}
			if m := segAttach(t, seg, nil); m.Len() != size {
				t.Errorf("%d bytes attached as %d", size, m.Len())
			}
		}
	}},

	{"SHM-031", "a new segment is all zero (shmget(2))", func(t *testing.T) {
		for _, size := range []int{1, shmPage + 1, 1 << 20} {
			for range 3 { // the pages of the one before may come again
				seg := segCreate(t, size, nil)
				m := segAttach(t, seg, nil)
				if !bytes.Equal(m.Bytes(), make([]byte, size)) {
					t.Errorf("%d bytes are not all zero", size)
				}
				for i := range m.Bytes() {
					m.Bytes()[i] = 0xff
				}
				segDetach(t, m)
				segRemove(t, seg)
			}
		}
	}},

	{"SHM-032", "a new segment is its creator's, now, of nobody attached (shmget(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		for _, mode := range []fs.FileMode{0o600, 0o640, 0o777, 0o400} {
			var seg *shm.Segment
			before := time.Now()
			shmOffMainThread(func() { seg = segCreate(t, 5000, &shm.Config{Mode: mode}) })
			after := time.Now()
			got := segStat(t, seg)
			uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
			want := shm.Stat{
				ID:   seg.ID(),
				Perm: sysv.Perm{Key: seg.Key(), UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: mode},
				Size: 5000,
				CPID: os.Getpid(),
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(shm.Stat{}, "Perm.Seq", "CTime")); diff != "" {
				t.Errorf("Stat (-want +got)\n%s", diff)
			}
			segTime(t, "ctime", got.CTime, before, after)
		}
	}},
}

// shmOffMainThread calls f on a thread whose id is not the process's.
func shmOffMainThread(f func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if unix.Gettid() == os.Getpid() {
			shmOffMainThread(f) // which can't be on this one too
			return
		}
		f()
	})
	wg.Wait()
}
