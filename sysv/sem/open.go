package sem

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
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
// A set that has not been given its values yet is waited for, until ctx ends.
// Then the error is [sysv.ErrNotInitialized] as well as the context's: if its
// creator is dead, [OpenID] opens it as it is, and Remove or ipcrm(1) removes
// it. The package documentation says how sets that other programs made are
// recognised; without read permission only their sem_otime can be seen.
func Open(ctx context.Context, key sysv.Key, cfg *OpenConfig) (*Set, error) {
	if cfg == nil {
		cfg = new(OpenConfig)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		id, stat, err := kind.Open(key, cfg.OwnedBy)
		if err != nil {
			return nil, err
		}
		s := &Set{id: id, key: key, len: stat.Len}
		err = s.awaitValues(ctx)
		if errors.Is(err, sysv.ErrRemoved) {
			continue // the key is free, or names another set
		}
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// OpenOrCreate finds the set with a key as Open does, or makes it as Create
// does, and says which. Of processes that call it at once exactly one is told
// that it created. An existing set keeps its values: of cfg only OwnedBy plays a part,
// though what Create would refuse is refused here too. If it has another length
// than values the error says both.
func OpenOrCreate(ctx context.Context, key sysv.Key, values []int, cfg *Config) (set *Set, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if err := kind.CheckKey(key); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return object.OpenOrCreate(
		func() (*Set, error) { return Create(key, values, cfg) },
		func() (*Set, error) {
			s, err := Open(ctx, key, &OpenConfig{OwnedBy: cfg.OwnedBy})
			if err == nil && s.len != len(values) {
				return nil, kind.Invalid("semget", key, s.id, fmt.Sprintf("it exists with %d semaphores, %d are asked for", s.len, len(values)))
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
	return &Set{id: id, key: stat.Key, len: stat.Len}, nil
}

// awaitValues waits until the set has been given its values. There is nothing
// to sleep on: the creator tells nobody.
func (s *Set) awaitValues(ctx context.Context) error {
	const longest = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, longest) {
		ready, err := s.hasValues()
		if ready || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &sysv.Error{Op: "semget", Key: s.key, ID: s.id,
				Err:  fmt.Errorf("%w: %w", sysv.ErrNotInitialized, ctx.Err()),
				Hint: fmt.Sprintf("its creator may have died: OpenID(%[1]d) opens it as it is, ipcrm -s %[1]d removes it", s.id)}
		case <-time.After(pause):
		}
	}
}

// hasValues tells whether somebody has given the set values. semop sets
// sem_otime and SETVAL and SETALL set the last pids, which SETALL did not
// before Linux 4.6, so that a value counts as well.
func (s *Set) hasValues() (bool, error) {
	stat, err := kind.Look(s.id)
	if err != nil || !stat.OTime.IsZero() {
		return err == nil, err
	}
	values, err := s.Values()
	if errors.Is(err, sys.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for num, v := range values {
		if v > 0 {
			return true, nil
		}
		pid, err := s.LastPID(num)
		if pid > 0 || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}
