package shm

import (
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

// A Segment is a handle to a shared memory segment, by its id. It holds no
// resource of the process: there is nothing to close, and dropping it changes
// nothing. Once the kernel has destroyed the segment, every method that asks
// the kernel returns an error that is [sysv.ErrRemoved].
type Segment struct {
	id      int
	key     sysv.Key
	size    int
	maker   maker
	ownedBy *uint32 // as OpenConfig has it
}

// Config is how a segment is created. Nil means the zero Config.
type Config struct {
	// Mode is read and write permission for owner, group and others, exactly
	// as given: the umask plays no part. To attach with Exec needs execute
	// permission too. 0 means 0o600. Bits outside 0o777 are an error.
	Mode fs.FileMode
	// HugePage, if not 0, backs the segment with huge pages of this many
	// bytes, a power of 2 that the machine supports (2<<20), or with
	// [DefaultHugePage]. The pool must have enough of them, and the caller
	// CAP_IPC_LOCK or membership in the group vm.hugetlb_shm_group.
	HugePage int64
	// NoReserve sets no swap space aside (SHM_NORESERVE). A write then faults,
	// and ends the program, where there is no memory left.
	NoReserve bool
	// OwnedBy, for OpenOrCreate, is as in OpenConfig.
	OwnedBy *uint32
}

// DefaultHugePage as Config.HugePage is the system's default huge page size,
// Hugepagesize in /proc/meminfo.
const DefaultHugePage = -1

// OpenConfig is how an existing segment is opened. Nil means the zero
// OpenConfig.
type OpenConfig struct {
	// OwnedBy, if not nil, is the user who must be the segment's owner and its
	// creator; any other segment is refused with an error that is
	// [fs.ErrPermission]. Keys are not protected: whoever comes first can put
	// a segment of his own where a program expects another's. In a user namespace
	// the overflow uid (65534) is refused too: there it stands for everybody who is
	// not mapped. See user_namespaces(7).
	OwnedBy *uint32
}

// Create makes a segment of size bytes (at least 1; the kernel rounds the
// memory up to pages, but not the size), all zero, which must not exist yet:
// if it does, the error is [fs.ErrExist]. With [sysv.Private] it always makes
// another segment, which is reached by its id.
//
// Other errors: EINVAL for a size (SHMMAX) or page size that can't be, ENOSPC
// for a limit (SHMMNI, SHMALL), ENOMEM, EPERM for huge pages. Hints name the
// limit and its use. On any error no segment is left. See shmget(2).
func Create(key sysv.Key, size int, cfg *Config) (*Segment, error) {
	if cfg == nil {
		cfg = new(Config)
	}
	mode, err := kind.CreateMode(key, cfg.Mode)
	if err != nil {
		return nil, err
	}
	return cfg.create(key, size, mode)
}

// create makes a segment with a mode that need not be the Config's.
func (c *Config) create(key sysv.Key, size, mode int) (*Segment, error) {
	if size < 1 {
		return nil, kind.Invalid("shmget", key, -1, fmt.Sprintf("size %d: a segment has at least 1 byte", size))
	}
	flags, err := c.flags(key)
	if err != nil {
		return nil, err
	}
	id, err := sys.Shmget(int32(key), size, mode|flags|sys.IPC_CREAT|sys.IPC_EXCL)
	if err != nil {
		return nil, kind.Error("shmget", key, -1, err, func(errno sys.Errno) string {
			return createHint(errno, size, c)
		})
	}
	return &Segment{id: id, key: key, size: size, maker: me()}, nil
}

// Open finds the segment with a key. It asks for no permission: those decide
// when it is attached. If there is none, the error is [fs.ErrNotExist].
// [sysv.Private] is an error, because it names none. While another process fills
// the segment in [OpenOrInit] the error is [sysv.ErrNotInitialized];
// [OpenFilled] waits. See shmget(2).
func Open(key sysv.Key, cfg *OpenConfig) (*Segment, error) {
	if cfg == nil {
		cfg = new(OpenConfig)
	}
	looked := time.Now()
	id, stat, err := kind.Open(key, cfg.OwnedBy)
	if err != nil {
		return nil, err
	}
	return segmentOf(id, key, stat, looked, cfg.OwnedBy)
}

// OpenOrCreate finds the segment with a key, or makes it as Create does, and
// says which. Of processes that call it at once exactly one is told that it
// created. An existing segment of at least size bytes is taken as it is: of cfg
// only OwnedBy plays a part, though what Create would refuse is refused here
// too. A smaller one is [sysv.ErrSize], which gives both sizes.
//
// The creator is told that the memory is its to fill, but so are all others
// handed the segment meanwhile, and read zeros, or half of what is to stand
// there. Where that matters use [OpenOrInit]. One that is in the making there is
// [sysv.ErrNotInitialized] here.
func OpenOrCreate(key sysv.Key, size int, cfg *Config) (seg *Segment, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if err := kind.CheckKey(key); err != nil {
		return nil, false, err
	}
	return object.OpenOrCreate(
		func() (*Segment, error) { return Create(key, size, cfg) },
		func() (*Segment, error) {
			s, err := Open(key, &OpenConfig{OwnedBy: cfg.OwnedBy})
			if err == nil {
				err = s.checkSize(size)
			}
			if err != nil {
				return nil, err
			}
			return s, nil
		})
}

// OpenID finds the segment with an id, as ipcs(1) prints it or as its creator
// handed it on. 0 is a valid id. If there is none, the error is
// [fs.ErrNotExist], and [sysv.ErrNotInitialized] for one in the making by
// [OpenOrInit].
func OpenID(id int) (*Segment, error) {
	looked := time.Now()
	stat, err := kind.OpenID(id)
	if err != nil {
		return nil, err
	}
	return segmentOf(id, stat.Key, stat, looked, nil)
}

// segmentOf makes the handle of a segment that there is, unless nobody is to see
// it yet.
func segmentOf(id int, key sysv.Key, stat Stat, looked time.Time, ownedBy *uint32) (*Segment, error) {
	if stat.Mode == object.Making {
		return nil, notInitialized(stat, looked, nil)
	}
	if stat.Size > math.MaxInt {
		return nil, kind.Invalid("shmget", key, id, fmt.Sprintf("its %d bytes are more than this process can address", stat.Size))
	}
	return &Segment{id, key, int(stat.Size), makerOf(stat), ownedBy}, nil
}

// checkSize refuses a segment that is smaller than its user needs.
func (s *Segment) checkSize(size int) error {
	if s.size < size {
		return kind.Misfit("shmget", s.key, s.id, fmt.Sprintf("%d bytes, %d are asked for", s.size, size))
	}
	return nil
}

func (c *Config) flags(key sysv.Key) (flags int, err error) {
	if c.NoReserve {
		flags |= sys.SHM_NORESERVE
	}
	switch {
	case c.HugePage == 0:
	case c.HugePage == DefaultHugePage:
		flags |= sys.SHM_HUGETLB
	case c.HugePage > 1 && bits.OnesCount64(uint64(c.HugePage)) == 1:
		log2 := bits.TrailingZeros64(uint64(c.HugePage))
		flags |= sys.SHM_HUGETLB | log2<<sys.SHM_HUGE_SHIFT
	default:
		return 0, kind.Invalid("shmget", key, -1, fmt.Sprintf("huge page size %d is no power of 2", c.HugePage))
	}
	return flags, nil
}

// ID returns the kernel's id, 0 or more.
func (s *Segment) ID() int { return s.id }

// Key returns the key that the segment was created or opened with, or for
// OpenID the one that it had then.
func (s *Segment) Key() sysv.Key { return s.key }

// Size returns the segment's size in bytes as it was created, which never
// changes.
func (s *Segment) Size() int { return s.size }

// Stat asks the kernel for the segment's state (IPC_STAT). It needs read
// permission, from the owner too. [List] does not.
func (s *Segment) Stat() (Stat, error) {
	stat, err := kind.Stat(s.id)
	if err != nil {
		return Stat{}, s.error("shmctl", err, nil)
	}
	return stat, nil
}

// SetPerm changes the owner, its group and the permissions (IPC_SET), which
// only the owner, the creator or CAP_SYS_ADMIN may: others get
// [fs.ErrPermission]. All three are set: to change the owner alone, pass what
// Stat says for the rest; to change the mode alone there is SetMode.
//
// EINVAL: a mode that is not 0 to 0o777, or is 0o601, which marks what is in the
// making; a uid or gid of 1<<32 - 1, or one that this user namespace does not
// map. Nothing is changed then.
func (s *Segment) SetPerm(uid, gid uint32, mode fs.FileMode) error {
	return kind.SetPerm(s.id, uid, gid, mode)
}

// SetMode changes the permissions and keeps the owner, with SetPerm's errors. In
// a user namespace that does not map him he can't be kept: EINVAL.
// It reads the owner first: a change of owner by another process in between
// is undone.
func (s *Segment) SetMode(mode fs.FileMode) error { return kind.SetMode(s.id, mode) }

// Remove marks the segment for destruction (IPC_RMID). Its key is free at once;
// the memory goes with the last attachment, and until then all else works on
// by id. Only the owner, the creator or CAP_SYS_ADMIN may: others get
// [fs.ErrPermission]. To remove again is no error while it is attached
// somewhere, and [sysv.ErrRemoved] once it is gone.
func (s *Segment) Remove() error { return s.ctl(sys.IPC_RMID, nil) }

// LockPages keeps the segment's pages from being swapped out, once they have
// been touched (SHM_LOCK). It needs CAP_IPC_LOCK, or to be the owner or
// creator within RLIMIT_MEMLOCK: else EPERM, or ENOMEM over the limit. To lock
// again is no error; locks don't add up. On huge pages it does nothing.
func (s *Segment) LockPages() error { return s.ctl(sys.SHM_LOCK, lockHint) }

// UnlockPages ends LockPages (SHM_UNLOCK), with the same permissions.
func (s *Segment) UnlockPages() error { return s.ctl(sys.SHM_UNLOCK, lockHint) }

func (s *Segment) ctl(cmd int, hint func(sys.Errno) string) error {
	if err := sys.Shmctl(s.id, cmd); err != nil {
		return s.error("shmctl", err, hint)
	}
	return nil
}

func (s *Segment) error(op string, err error, hint func(sys.Errno) string) error {
	return kind.Error(op, s.key, s.id, err, hint)
}
