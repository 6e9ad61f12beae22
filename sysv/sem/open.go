package sem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

// OpenConfig is how an existing set is opened. Nil means the zero OpenConfig.
type OpenConfig struct {
	// OwnedBy, if not nil, is the user who must be the set's owner and its
	// creator; any other set is refused with an error that is
	// [io/fs.ErrPermission]. Keys are not protected: whoever comes first can
	// put a set of his own where a program expects another's.
	OwnedBy *uint32
}

// Open finds the set with a key. If there is none, the error is
// [io/fs.ErrNotExist]. [sysv.Private] is an error, because it names none. Open
// asks for no permission: those decide when the set is used.
//
// If ctx has ended already, its error is returned and nothing is tried.
//
// A set that has not been given its values yet is waited for, as the package
// documentation says, for about two seconds at most: never longer than until it
// is ready or nobody is left who could make it so. If ctx ends before, the error
// is [sysv.ErrNotInitialized] as well as the context's. If its creator has died
// half-way, the error is [sysv.ErrNotInitialized]: OpenOrCreate replaces such a
// set.
func Open(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Set, error) {
	if cfg == nil {
		cfg = new(OpenConfig)
	}
	o := opening{key: key, ownedBy: cfg.OwnedBy, mode: 0o600}
	return o.open(ctx)
}

// OpenOrCreate finds the set with a key as Open does, or makes it as Create
// does, and says which. Of processes that call it at once exactly one is told
// that it created, or none if that one is killed or stopped at it. An existing set keeps its values: of cfg only OwnedBy plays a part,
// though what Create would refuse is refused here too. If it has another length
// than values the error is [sysv.ErrSize], and says both.
//
// A set that a creator of this package left half-made, because it was killed, is
// removed and made anew. Only its owner or root can do that: others get an error
// that is [sysv.ErrNotInitialized] and [fs.ErrPermission].
func OpenOrCreate(ctx context.Context, key sysv.Key, values []int, cfg *Config) (set *Set, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if err := kind.CheckKey(key); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, &sysv.Error{Op: "semget", Key: key, ID: -1, Err: err}
	}
	mode, err := kind.CreateMode(key, cfg.Mode)
	if err != nil {
		return nil, false, err
	}
	o := opening{key: key, ownedBy: cfg.OwnedBy, mode: fs.FileMode(mode), heals: true}
	return object.OpenOrCreate(
		func() (*Set, error) { return Create(key, values, cfg) },
		func() (*Set, error) {
			s, err := o.open(ctx)
			if err == nil && s.len != len(values) {
				return nil, kind.Misfit("semget", key, s.id, fmt.Sprintf("%d semaphores, %d are asked for", s.len, len(values)))
			}
			return s, err
		})
}

// OpenID finds the set with an id, as ipcs(1) prints it or as its creator
// handed it on, whether it has been given its values or not. 0 is a valid id.
// If there is none, the error is [io/fs.ErrNotExist].
func OpenID(id int) (*Set, error) {
	stat, err := kind.OpenID(id)
	if err != nil {
		return nil, err
	}
	return newSet(stat.Key, stat), nil
}

// newSet is the handle to the set that stat is of.
func newSet(key sysv.Key, stat Stat) *Set {
	return &Set{id: stat.ID, key: key, len: stat.Len, creator: creatorOf(stat)}
}

// opening looks for a set that is ready to be used.
type opening struct {
	key     sysv.Key
	ownedBy *uint32
	mode    fs.FileMode // that of a set whose creator died before he gave it its own
	heals   bool        // what can't become ready is removed
}

func (o *opening) open(ctx context.Context) (*Set, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, &sysv.Error{Op: "semget", Key: o.key, ID: -1, Err: err}
		}
		_, stat, err := kind.Open(o.key, o.ownedBy)
		if err != nil {
			return nil, err
		}
		s := newSet(o.key, stat)
		err = o.await(ctx, s)
		if errors.Is(err, sysv.ErrRemoved) {
			continue // the key is free, or names another set
		}
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// await waits until the set is ready. There is nothing to sleep on: the creator
// tells nobody.
func (o *opening) await(ctx context.Context, s *Set) error {
	const longest = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, longest) {
		state, err := s.state()
		if err != nil {
			return err
		}
		switch state {
		case ready:
			return nil
		case unfinished:
			return o.finish(s)
		case dead:
			return o.heal(s)
		}
		if err := wait.Pause(ctx, pause); err != nil {
			return s.notInitialized(err, fmt.Sprintf("its creator may be about to: OpenID(%d) opens it as it is", s.id))
		}
	}
}

// finish does what is left to do for a creator that died: the set has its
// values, and is never removed.
func (o *opening) finish(s *Set) error {
	step("to finish")
	err := kind.SetMode(s.id, o.mode)
	if errors.Is(err, fs.ErrPermission) {
		return s.notInitialized(err, "its creator died before it gave it its mode: the owner or root can open it, and gives it one thereby")
	}
	return err
}

// heal removes what a dead creator left, by its id: whoever does so too harms
// nobody. That can't be closed altogether: who is stopped right before the
// removal, until the id has come to mean another set, removes that one.
func (o *opening) heal(s *Set) error {
	if !o.heals {
		return s.notInitialized(nil, fmt.Sprintf("its creator died half-way: OpenOrCreate makes it anew, ipcrm -s %d removes it", s.id))
	}
	step("to heal")
	_, err := sys.Semctl(s.id, 0, sys.IPC_RMID)
	if err == sys.EPERM {
		return s.notInitialized(err, fmt.Sprintf("its creator died half-way: its owner or root can make it anew with OpenOrCreate, or remove it with ipcrm -s %d", s.id))
	}
	if err != nil {
		return s.error("semctl", err, nil)
	}
	return sysv.ErrRemoved
}

// notInitialized is the error for a set that can't be opened, because of err too
// if that is not nil.
func (s *Set) notInitialized(err error, hint string) error {
	e := &sysv.Error{Op: "semget", Key: s.key, ID: s.id, Err: sysv.ErrNotInitialized, Hint: hint}
	if err != nil {
		e.Err = fmt.Errorf("%w: %w", sysv.ErrNotInitialized, err)
	}
	return e
}
