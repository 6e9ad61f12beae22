package sem

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
)

// A Set is a handle to a semaphore set, by its id. It holds no resource of the
// process: there is nothing to close, and dropping it changes nothing. Once the
// set is removed, every method that asks the kernel returns an error that is
// [sysv.ErrRemoved]. So it does on a thread in another IPC namespace, where the id
// names nothing, or another set.
//
// The kernel gives an id again after some four million other sets, which take
// a program that makes and removes sets at full speed less than a minute. A Set
// whose id has come to mean another one says ErrRemoved where that shows: in
// Values, SetValue, SetValues, Stat, SetPerm, SetMode and Remove, if the other
// one has another length, key or creator. Do and what is built on it can't tell.
type Set struct {
	id      int
	key     sysv.Key
	len     int
	creator creator

	hurry atomic.Int32 // how often Do still goes straight to waiting

	mu    sync.Mutex
	gates map[int]*gate // by semaphore, of those that goroutines queue for
}

// ID returns the kernel's id, 0 or more.
func (s *Set) ID() int { return s.id }

// Key returns the key that the set was created or opened with, or for OpenID
// the one that it has.
func (s *Set) Key() sysv.Key { return s.key }

// Len returns how many semaphores the set has, which never changes.
func (s *Set) Len() int { return s.len }

// Stat asks the kernel for the set's state (IPC_STAT). It needs read
// permission, from the owner too. [List] does not.
func (s *Set) Stat() (Stat, error) {
	stat, err := kind.Stat(s.id)
	if err != nil {
		return Stat{}, s.error("semctl", err, nil)
	}
	if !s.is(stat) {
		return Stat{}, s.replaced("semctl")
	}
	return stat, nil
}

// SetPerm changes the owner, its group and the permissions (IPC_SET), which
// only the owner, the creator or CAP_SYS_ADMIN may: others get
// [fs.ErrPermission]. All three are set: to change the owner alone, pass what
// Stat says for the rest; to change the mode alone there is SetMode. A mode is 0 to
// 0o777 without 0o601, which marks a set in the making: any other is EINVAL, as
// is a uid or gid of 1<<32 - 1. Who waits already may be refused once it begins to
// wait anew, see the package documentation.
func (s *Set) SetPerm(uid, gid uint32, mode fs.FileMode) error {
	if err := s.checkSame(); err != nil {
		return err
	}
	return kind.SetPerm(s.id, uid, gid, mode)
}

// SetMode changes the permissions and keeps the owner, with SetPerm's errors.
// It reads the owner first: a change of owner by another process in between
// is undone.
func (s *Set) SetMode(mode fs.FileMode) error {
	if err := s.checkSame(); err != nil {
		return err
	}
	return kind.SetMode(s.id, mode)
}

// Remove destroys the set at once (IPC_RMID). Whoever waits on it is woken
// with [sysv.ErrRemoved]; what Undo remembers of it is forgotten. Only the
// owner, the creator or CAP_SYS_ADMIN may: others get [fs.ErrPermission].
func (s *Set) Remove() error {
	if err := s.checkSame(); err != nil {
		return err
	}
	if race.Enabled {
		race.Release(race.SemRemoved, s.id, 0)
	}
	_, err := s.ctl(0, sys.IPC_RMID)
	return err
}

func (s *Set) ctl(num, cmd int) (int, error) {
	v, err := sys.Semctl(s.id, num, cmd)
	if err != nil {
		return 0, s.error("semctl", err, nil)
	}
	return v, nil
}

func (s *Set) error(op string, err error, hint func(sys.Errno) string) error {
	err = kind.Error(op, s.key, s.id, err, hint)
	if race.Enabled && errors.Is(err, sysv.ErrRemoved) {
		race.Acquire(race.SemRemoved, s.id, 0)
	}
	return err
}
