//go:build linux && !android

package conformance

import (
	"io/fs"
	"math"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

var shmLookupRows = []row{
	{"SHM-003", "a key that is not in use is ENOENT (shmget(2))", func(t *testing.T) {
		_, err := shm.Open(sysv.RandomKey(), nil)
		shmErr(t, err, syscall.ENOENT, fs.ErrNotExist)
	}},

	{"SHM-007", "a size above the existing segment's is EINVAL (shmget(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		_, created, err := shm.OpenOrCreate(seg.Key(), 11, nil)
		shmErr(t, err, syscall.EINVAL)
		if created {
			t.Error("created")
		}
		for _, size := range []int{1, 9, 10} {
			got, created, err := shm.OpenOrCreate(seg.Key(), size, nil)
			if err != nil || created || got.ID() != seg.ID() {
				t.Errorf("%d bytes: %v, created %v, %v", size, got, created, err)
			}
		}
	}},

	{"SHM-028", "the creator finds its segment by key, under the same id (shmget(2))", func(t *testing.T) {
		seg := segCreate(t, 10, &shm.Config{Mode: 0o777})
		opened, err := shm.Open(seg.Key(), nil)
		if err != nil || opened.ID() != seg.ID() {
			t.Errorf("Open: %+v, %v, want %+v", opened, err, seg)
		}
		same, created, err := shm.OpenOrCreate(seg.Key(), 10, &shm.Config{Mode: 0o777})
		if err != nil || created || same.ID() != seg.ID() {
			t.Errorf("OpenOrCreate: %+v, created %v, %v, want %+v", same, created, err, seg)
		}
	}},

	// The kernel refuses the attachment, and here the opening.
	{"SHM-037", "shmat of id -1 or of a removed one is EINVAL: no handle has the first, the second is ErrRemoved (shmop(2))", func(t *testing.T) {
		_, err := shm.OpenID(-1)
		shmErr(t, err, fs.ErrNotExist)
		seg := segCreate(t, 10, nil)
		segRemove(t, seg)
		segCantAttach(t, seg, nil, sysv.ErrRemoved)
	}},

	{"SHM-078", "IPC_STAT of an id that never was is EINVAL: here ErrNotExist at the opening (shmctl(2))", func(t *testing.T) {
		for _, id := range []int{-1, math.MinInt32, math.MaxInt32} {
			_, err := shm.OpenID(id)
			shmErr(t, err, fs.ErrNotExist)
		}
	}},

	{"SHM-079", "IPC_STAT of a removed id is EINVAL: here ErrRemoved, though another has the place (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		segRemove(t, seg)
		segCreate(t, 10, nil)
		segGone(t, seg)
	}},

	{"SHM-107", "a removed segment that is still attached has no key (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		segAttach(t, seg, nil)
		segRemove(t, seg)
		_, err := shm.Open(seg.Key(), nil)
		shmErr(t, err, syscall.ENOENT)
		if st := segStat(t, seg); st.Key != sysv.Private {
			t.Errorf("key is %v, want Private", st.Key)
		}
		successor := segMade(t)(shm.Create(seg.Key(), 20, nil))
		if successor.ID() == seg.ID() {
			t.Errorf("id %d twice", seg.ID())
		}
	}},
}
