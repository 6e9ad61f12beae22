package sem

import (
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// maxLen is how many semaphores of a set operations can reach, whatever SEMMSL
// says: sem_num of semop(2) has 16 bits, that of semctl(2) 32.
const maxLen = 1 << 16

// Config is how a set is created. Nil means the zero Config.
type Config struct {
	// Mode is read and write permission for owner, group and others, exactly
	// as given: the umask plays no part. To change a semaphore is to write. 0
	// means 0o600. Bits outside 0o777 are an error.
	Mode fs.FileMode
	// OwnedBy, for OpenOrCreate, is as in OpenConfig.
	OwnedBy *uint32
}

// Create makes a set of one semaphore for each value, 0 to 32767, which must
// not exist yet: if it does, the error is [fs.ErrExist]. With [sysv.Private]
// it always makes another set, which is reached by its id.
//
// Others who open the set with this package see it with all its values or not
// at all, also when this process is killed half-way: then they wait as Open
// says, and the set must be removed by hand.
//
// Other errors: ERANGE for a value, EINVAL for a number of values that can't
// be (SEMMSL), ENOSPC for a limit (SEMMNI, SEMMNS). Hints name the limit and
// its use. On any error no set is left, unless it can't be removed either. See
// semget(2).
func Create(key sysv.Key, values []int, cfg *Config) (*Set, error) {
	if cfg == nil {
		cfg = new(Config)
	}
	mode, err := kind.CreateMode(key, cfg.Mode)
	if err != nil {
		return nil, err
	}
	if len(values) < 1 || len(values) > maxLen {
		return nil, kind.Invalid("semget", key, -1, fmt.Sprintf("a set has 1 to %d semaphores, not %d", maxLen, len(values)))
	}
	vals, err := kernelValues("semget", key, -1, values)
	if err != nil {
		return nil, err
	}
	// Giving the values needs write permission, which mode may withhold.
	id, err := sys.Semget(int32(key), len(vals), mode|0o200|sys.IPC_CREAT|sys.IPC_EXCL)
	if err != nil {
		return nil, kind.Error("semget", key, -1, err, func(errno sys.Errno) string {
			return createHint(errno, len(vals))
		})
	}
	s := &Set{id: id, key: key, len: len(vals)}
	if err := s.publish(vals); err != nil {
		s.Remove()
		return nil, err
	}
	if mode&0o200 == 0 {
		if err := s.SetMode(fs.FileMode(mode)); err != nil {
			s.Remove()
			return nil, err
		}
	}
	return s, nil
}

// publish gives a new set its values and at the same instant a sem_otime,
// which tells openers that it has them.
func (s *Set) publish(vals []uint16) error {
	var ops []sys.Sembuf
	for i, v := range vals {
		if v > 0 {
			ops = append(ops, sys.Sembuf{Num: uint16(i), Op: int16(v), Flg: sys.IPC_NOWAIT})
		}
	}
	if len(ops) == 0 {
		// Waiting for 0 would set sem_otime too, but needs read permission.
		ops = touch(0, +1)
	}
	errno := sys.SemopNoWait(s.id, ops)
	if errno == sys.E2BIG && len(ops) > 2 {
		// More than SEMOPM values: SETALL gives them atomically too, but
		// without a sem_otime, which a second call adds. Openers who see it in
		// between see it with its values.
		if err := s.setall(vals); err != nil {
			return err
		}
		errno = sys.SemopNoWait(s.id, touch(ops[0].Num, -1))
		if errno == sys.EAGAIN {
			errno = 0 // an opener was faster, and has set sem_otime thereby
		}
	}
	if errno != 0 {
		return s.semopError(len(ops), errno)
	}
	return nil
}

// touch is an operation that changes nothing but sem_otime.
func touch(num uint16, delta int16) []sys.Sembuf {
	return []sys.Sembuf{
		{Num: num, Op: delta, Flg: sys.IPC_NOWAIT},
		{Num: num, Op: -delta, Flg: sys.IPC_NOWAIT},
	}
}

// kernelValues checks values to be given to semaphores.
func kernelValues(op string, key sysv.Key, id int, values []int) ([]uint16, error) {
	vals := make([]uint16, len(values))
	for i, v := range values {
		if v < 0 || v > sys.SEMVMX {
			return nil, &sysv.Error{Op: op, Key: key, ID: id, Err: sys.ERANGE,
				Hint: fmt.Sprintf("value %d of semaphore %d is outside 0 to %d", v, i, sys.SEMVMX)}
		}
		vals[i] = uint16(v)
	}
	return vals, nil
}
