package shm

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

// OpenOrInit finds the segment with a key, or makes it as Create does and has
// init fill it, attaches it to read and write, and says which. Of processes that
// call it at once exactly one fills; the others wait until that is done, and
// nobody sees a byte that is not filled in: Open, OpenOrCreate and OpenID of a
// segment in the making say [sysv.ErrNotInitialized].
//
// A creator that is killed at any instruction, or stopped before it has attached
// the segment, is taken for dead after a bit more than a second, and the next
// caller makes the segment anew. One that is stopped later is alive: it is waited
// for until ctx ends. Then the error is [sysv.ErrNotInitialized] as well as the
// context's, and its hint names the process. If init returns an error, or
// panics, no segment is left.
//
// init may be called more than once, with another mapping each time, as long as
// this process has not been faster than those who took it for dead. It must not
// detach the mapping. The segment is attached from its making on, so that
// kernel.shm_rmid_forced leaves it alone; [Mapping.Segment] has its handle.
//
// An existing segment is treated as by OpenOrCreate: of cfg only OwnedBy plays a
// part, one of fewer than size bytes is an error that gives both, and it is used
// as it is, whoever filled it. Only a segment with the mark of one in the making,
// mode 0o601, is ever removed, by its id: no other program has reason to take
// that mode. To remove it takes the same user, or root; others get
// [io/fs.ErrPermission].
//
// Other errors are those of Create and [Segment.Attach], and EINVAL in a user
// namespace that does not map the caller: there the kernel lets nobody give a
// segment its mode (IPC_SET). See shmget(2) and shmctl(2).
//
// What can't be excluded: whoever finds a creator dead, and is then stopped
// until 4 million segments have been made and one has the same id again, removes
// that one.
func OpenOrInit(ctx context.Context, key sysv.Key, size int, cfg *Config, init func(*Mapping) error) (m *Mapping, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if err := kind.CheckKey(key); err != nil {
		return nil, false, err
	}
	mode, err := kind.CreateMode(key, cfg.Mode)
	if err != nil {
		return nil, false, err
	}
	marked := *cfg
	marked.Mode = 0
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		step("to make")
		begin := time.Now()
		seg, err := marked.create(key, size, object.Making)
		if err == nil {
			m, err = seg.fill(begin, mode, init)
			if errors.Is(err, errTakenForDead) {
				continue
			}
			return m, err == nil, err
		}
		if !errors.Is(err, sys.EEXIST) {
			return nil, false, err
		}
		m, err = openFilled(ctx, key, size, cfg.OwnedBy, removeDead)
		if errors.Is(err, sys.ENOENT) || errors.Is(err, sysv.ErrRemoved) {
			continue
		}
		return m, false, err
	}
}

// OpenFilled finds the segment with a key, waits while it is in the making by
// [OpenOrInit], and attaches it to read and write. If there is none the error is
// [io/fs.ErrNotExist]. Where its creator is dead it is [sysv.ErrNotInitialized]
// after a bit more than a second, as nobody makes it unless he calls OpenOrInit.
// Where ctx ends before the segment is filled it is that error as well as the
// context's. Others are those of Open and [Segment.Attach].
func OpenFilled(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Mapping, error) {
	if cfg == nil {
		cfg = new(OpenConfig)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := openFilled(ctx, key, 0, cfg.OwnedBy, func(stat Stat, looked time.Time) error {
			return notInitialized(stat, looked, nil)
		})
		if !errors.Is(err, sysv.ErrRemoved) {
			return m, err
		}
	}
}

// step is called with the name of each step of a creation and of an opening that has
// been done, or is about to be, by tests that end or stop the process there.
var step = func(string) {}

// errTakenForDead says that this process was too slow as a creator: others may
// have found it dead, and removed what it made. It does not remove it itself:
// the id may be another's by now.
var errTakenForDead = errors.New("taken for dead")

// fill makes of a new segment what it is to be, while its mode tells others that
// it is in the making, and then gives it the mode that was asked for.
func (s *Segment) fill(begin time.Time, mode int, init func(*Mapping) error) (filled *Mapping, err error) {
	step("made")
	m, err := s.attachAlone()
	if errors.Is(err, sysv.ErrRemoved) {
		return nil, errTakenForDead
	}
	// Whoever finds nobody attached after a whole grace removes it. By the clock
	// that began before the segment did, and ends when it was attached, nobody
	// can have come to that.
	late := time.Since(begin) > object.Grace/2
	if err != nil {
		if !late {
			err = errors.Join(err, s.Remove())
		}
		return nil, err
	}
	if late {
		return nil, errors.Join(m.Detach(), errTakenForDead)
	}
	step("alone")
	published := false
	defer func() {
		if !published { // an error, or a panic
			err = errors.Join(err, s.Remove(), m.Detach())
		}
	}()
	if err := init(m); err != nil {
		return nil, err
	}
	step("filled")
	stat, err := s.Stat()
	if err != nil {
		return nil, err
	}
	step("seen")
	if err := kind.Set(s.id, stat.UID, stat.GID, uint32(mode)); err != nil {
		return nil, s.error("shmctl", err, publishHint)
	}
	published = true
	step("published")
	stat, err = kind.Look(s.id)
	if err != nil {
		return nil, errors.Join(err, m.Detach())
	}
	if stat.Dest {
		return nil, errors.Join(m.Detach(), errTakenForDead)
	}
	step("accepted")
	return m, m.inherit(true)
}

func publishHint(errno sys.Errno) string {
	if errno == sys.EINVAL {
		return "this user namespace does not map the caller's uid or gid, so that no object can be given a mode"
	}
	return ""
}

// attachAlone attaches the segment so that children do not have it: one that a
// fork makes, and that lives on, would pass for its living creator.
func (s *Segment) attachAlone() (*Mapping, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	m, err := s.Attach(nil)
	if err != nil {
		return nil, err
	}
	step("attached")
	if err := m.inherit(false); err != nil {
		return nil, errors.Join(err, m.Detach())
	}
	return m, nil
}

// openFilled attaches the segment with a key once it is filled. dead says what
// is to be done about one whose creator is dead.
func openFilled(ctx context.Context, key sysv.Key, size int, ownedBy *uint32, dead func(stat Stat, looked time.Time) error) (*Mapping, error) {
	const longest = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, longest) {
		looked := time.Now()
		id, stat, err := kind.Open(key, ownedBy)
		if err != nil {
			return nil, err
		}
		if stat.Mode != object.Making {
			return attachFilled(id, key, stat, looked, ownedBy, size)
		}
		if isDead(stat, looked) {
			if err := dead(stat, looked); err != nil {
				return nil, err
			}
			continue
		}
		if err := wait.Pause(ctx, pause); err != nil {
			return nil, notInitialized(stat, looked, err)
		}
	}
}

// attachFilled attaches a segment, and sees to it that the key is still its own.
func attachFilled(id int, key sysv.Key, stat Stat, looked time.Time, ownedBy *uint32, size int) (*Mapping, error) {
	step("found")
	seg, err := segmentOf(id, key, stat, looked, ownedBy)
	if err != nil {
		return nil, err
	}
	if err := seg.checkSize(size); err != nil {
		return nil, err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	step("joined")
	if stat, err = kind.Look(id); err == nil && (stat.Dest || stat.Key != key || stat.Mode == object.Making) {
		err = seg.error("shmat", sysv.ErrRemoved, nil)
	}
	if err != nil {
		return nil, errors.Join(err, m.Detach())
	}
	return m, nil
}

// isDead tells whether the creator of a segment in the making is dead: a living
// one has it attached before the grace is over, or gives up. looked is when the caller
// began to look at it.
func isDead(stat Stat, looked time.Time) bool {
	return kind.Watched(stat.ID, stat.Key, stat.CTime, looked) > object.Grace && stat.Nattch == 0
}

// removeDead removes what a dead creator left. Of those who find it at once one
// does; for the others it is gone.
func removeDead(stat Stat, _ time.Time) error {
	step("to heal")
	err := sys.Shmctl(stat.ID, sys.IPC_RMID)
	if err == nil || err == sys.EINVAL || err == sys.EIDRM {
		return nil
	}
	return kind.Error("shmctl", stat.Key, stat.ID, err, func(errno sys.Errno) string {
		return fmt.Sprintf("its creator died before it was filled; uid %d or root makes it anew", stat.CUID)
	})
}

// notInitialized is the error of a segment in the making, as it was when somebody
// looked. ended, if not nil, is why nobody waits for it any longer.
func notInitialized(stat Stat, looked time.Time, ended error) error {
	e := &sysv.Error{Op: "shmget", Key: stat.Key, ID: stat.ID, Err: sysv.ErrNotInitialized}
	if ended != nil {
		e.Err = fmt.Errorf("%w: %w", sysv.ErrNotInitialized, ended)
	}
	switch {
	case isDead(stat, looked):
		e.Hint = "its creator died before it was filled: OpenOrInit makes it anew"
	case stat.Nattch == 0:
		e.Hint = fmt.Sprintf("process %d has made it and not attached it yet", stat.CPID)
	default:
		e.Hint = fmt.Sprintf("process %d is filling it", stat.CPID)
	}
	return e
}
