// Package object is what segments, sets and queues have in common between their
// public packages and the system calls: looking one up, naming it in errors,
// checking its owner. It stands below shm, sem and msg and above sysv.
package object

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// A Kind is how one kind of object is reached. T is its public Stat type.
type Kind[T any] struct {
	Noun     string // "segment"
	Get, Ctl string // "shmget", "shmctl"
	AlsoGone string // how it can go, beside what removes every kind: a part of a hint

	Lookup   func(key int32) (id int, err error)
	Stat     func(id int) (T, error)                // IPC_STAT
	StatAny  func(index int) (T, error)             // *_STAT_ANY
	MaxIndex func() (int, error)                    // *_INFO
	Table    func() ([]T, error)                    // /proc/sysvipc
	Set      func(id int, uid, gid, m uint32) error // IPC_SET, where that sets nothing else

	ID   func(T) int
	Perm func(T) sysv.Perm
}

// Open finds the object with a key, whatever its permissions are, and checks
// that it is owned as asked.
func (k *Kind[T]) Open(key sysv.Key, ownedBy *uint32) (id int, stat T, err error) {
	if err := k.CheckKey(key); err != nil {
		return 0, stat, err
	}
	for {
		id, err = k.Lookup(int32(key))
		if err != nil {
			return 0, stat, k.Error(k.Get, key, -1, err, nil)
		}
		stat, err = k.Look(id)
		if errors.Is(err, sysv.ErrRemoved) {
			continue // removed since the lookup: the key is free, or names another
		}
		if err == nil {
			err = k.CheckOwner(key, id, k.Perm(stat), ownedBy)
		}
		return id, stat, err
	}
}

// CheckKey refuses the key 0, which names no object: semget, shmget and
// msgget would make one.
func (k *Kind[T]) CheckKey(key sysv.Key) error {
	if key != sysv.Private {
		return nil
	}
	return k.Invalid(k.Get, key, -1, "key 0 is IPC_PRIVATE, which names no existing "+k.Noun+": create one, or open it by id")
}

// OpenID finds the object with an id, whatever its permissions are.
func (k *Kind[T]) OpenID(id int) (stat T, err error) {
	possible := id >= 0 && id <= math.MaxInt32 // the kernel would cut a larger one
	if possible {
		stat, err = k.Look(id)
	}
	if !possible || errors.Is(err, sysv.ErrRemoved) {
		err = &sysv.Error{Op: k.Ctl, ID: id, Err: sys.ENOENT, Hint: k.nowhere(fmt.Sprintf("id %d", id))}
	}
	return stat, err
}

// Look is IPC_STAT for ourselves: where that is forbidden for lack of read
// permission, the kernel's table answers, which anybody may read.
func (k *Kind[T]) Look(id int) (T, error) {
	stat, err := k.Stat(id)
	if errors.Is(err, sys.EACCES) {
		if entry, ok := k.find(id); ok {
			return entry, nil
		}
		stat, err = k.Stat(id) // it may have been removed since
	}
	if err != nil {
		return stat, k.Error(k.Ctl, sysv.Private, id, err, nil)
	}
	return stat, nil
}

func (k *Kind[T]) find(id int) (entry T, ok bool) {
	table, _ := k.List()
	for _, entry := range table {
		if k.ID(entry) == id {
			return entry, true
		}
	}
	return entry, false
}

// List returns every object of the namespace from /proc/sysvipc, or where
// there is no /proc, as in a bare chroot, or it may not be read, as under
// Landlock, index by index.
func (k *Kind[T]) List() ([]T, error) {
	table, err := k.Table()
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return table, err
	}
	highest, err := k.MaxIndex()
	if err != nil {
		return nil, k.Error(k.Ctl, sysv.Private, -1, err, nil)
	}
	for i := range highest + 1 {
		entry, err := k.StatAny(i)
		if err == sys.EINVAL || err == sys.EIDRM {
			continue // a free place
		}
		if err != nil {
			return nil, k.Error(k.Ctl, sysv.Private, -1, err, nil)
		}
		table = append(table, entry)
	}
	return table, nil
}

// SetPerm is IPC_SET.
func (k *Kind[T]) SetPerm(id int, uid, gid uint32, mode fs.FileMode) error {
	m, err := k.Mode(k.Ctl, sysv.Private, id, mode)
	if err != nil {
		return err
	}
	if err := k.Set(id, uid, gid, uint32(m)); err != nil {
		return k.Error(k.Ctl, sysv.Private, id, err, SetHint(uid, gid))
	}
	return nil
}

// SetMode is IPC_SET that keeps the owner.
func (k *Kind[T]) SetMode(id int, mode fs.FileMode) error {
	stat, err := k.KeepOwner(id)
	if err != nil {
		return err
	}
	p := k.Perm(stat)
	return k.SetPerm(id, p.UID, p.GID, mode)
}

// Mode checks that mode has permission bits only, and does not say Making.
func (k *Kind[T]) Mode(op string, key sysv.Key, id int, mode fs.FileMode) (int, error) {
	if mode&^0o777 != 0 {
		return 0, k.Invalid(op, key, id, fmt.Sprintf("mode %#o has bits outside 0o777", uint32(mode)))
	}
	if mode == Making {
		return 0, k.Invalid(op, key, id, fmt.Sprintf("mode %#o marks what is in the making: take another", Making))
	}
	return int(mode), nil
}

// CreateMode is Mode for a new object, where 0 stands for 0o600.
func (k *Kind[T]) CreateMode(key sysv.Key, mode fs.FileMode) (int, error) {
	if mode == 0 {
		mode = 0o600
	}
	return k.Mode(k.Get, key, -1, mode)
}

// CheckOwner refuses an object that somebody else may have put under a key in
// order to be found. The creator counts too: it can take the object back.
func (k *Kind[T]) CheckOwner(key sysv.Key, id int, p sysv.Perm, ownedBy *uint32) error {
	if ownedBy == nil {
		return nil
	}
	if p.UID == *ownedBy && p.CUID == *ownedBy {
		if !ambiguous(proc.UID, *ownedBy) {
			return nil
		}
		return &sysv.Error{Op: k.Get, Key: key, ID: id, Err: sys.EACCES,
			Hint: fmt.Sprintf("uid %d, as asked, also stands for whoever this user namespace does not map", *ownedBy)}
	}
	return &sysv.Error{Op: k.Get, Key: key, ID: id, Err: sys.EACCES,
		Hint: fmt.Sprintf("created by uid %d and owned by uid %d, not by uid %d as asked", p.CUID, p.UID, *ownedBy)}
}

// OpenOrCreate tries the two in turn until one has an answer: others may
// create and remove the object meanwhile.
func OpenOrCreate[H any](create, open func() (H, error)) (h H, created bool, err error) {
	for {
		h, err = create()
		if err == nil || !errors.Is(err, sys.EEXIST) && !errors.Is(err, sysv.ErrRemoved) {
			return h, err == nil, err
		}
		h, err = open()
		if !errors.Is(err, sys.ENOENT) && !errors.Is(err, sysv.ErrRemoved) {
			return h, false, err
		}
	}
}
