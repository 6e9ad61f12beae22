package sem

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
)

// maxLen is how many semaphores of a set operations can reach, whatever SEMMSL
// says: sem_num of semop(2) has 16 bits, that of semctl(2) 32.
const maxLen = 1 << 16

// Config is how a set is created. Nil means the zero Config.
type Config struct {
	// Mode is read and write permission for owner, group and others, exactly
	// as given: the umask plays no part. To change a semaphore is to write. 0
	// means 0o600. Bits outside 0o777 are an error, and so is 0o601, which marks
	// a set that has not been given its values yet.
	Mode fs.FileMode
	// OwnedBy, for OpenOrCreate, is as in OpenConfig.
	OwnedBy *uint32
}

// Create makes a set of one semaphore for each value, 0 to 32767, which must
// not exist yet: if it does, the error is [fs.ErrExist]. With [sysv.Private]
// it always makes another set, which is reached by its id.
//
// Others who open the set with this package see it with all its values or not
// at all, also when this process is killed half-way: the package documentation
// says how such a set is told and replaced.
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
	for {
		c := creation{key: key, vals: vals, mode: mode, begin: time.Now()}
		set, err := c.create()
		if err != errAgain {
			return set, err
		}
	}
}

// step is called with the name of each step of a creation that has been done, by
// tests that end or stop the process there.
var step = func(string) {}

// marksFail tells whether this process can't take the mark off a set that it
// made: IPC_SET is refused (EINVAL) in a user namespace that does not map the
// caller's uid or gid.
var marksFail atomic.Bool

// creation is one attempt to make a set. The set carries the mark object.Making
// until it has its values, so that everybody can tell it from others, unless
// nobody can come upon it or it could not be taken off.
type creation struct {
	key   sysv.Key
	vals  []uint16
	mode  int
	begin time.Time // before the set was there

	marked bool
	set    *Set
}

// errAgain is of a creation that has come to nothing, and may be tried again.
var errAgain = errors.New("the set is to be made once more")

func (c *creation) create() (*Set, error) {
	c.marked = c.key != sysv.Private && !marksFail.Load()
	// Giving the values needs write permission, which mode may withhold.
	bits := c.mode | 0o200
	if c.marked {
		bits = object.Making
	}
	id, err := sys.Semget(int32(c.key), len(c.vals), bits|sys.IPC_CREAT|sys.IPC_EXCL)
	if err != nil {
		return nil, kind.Error("semget", c.key, -1, err, func(errno sys.Errno) string {
			return createHint(errno, len(c.vals))
		})
	}
	c.set = &Set{id: id, key: c.key, len: len(c.vals)}
	step("made")
	if err := c.publish(); err != nil {
		return nil, c.abandon(err)
	}
	step("published")
	stat, err := kind.Look(id)
	if err != nil {
		return nil, c.abandon(err)
	}
	if c.marked && !(published(stat) && c.inTime()) {
		return nil, c.abandon(errAgain)
	}
	c.set.creator = creatorOf(stat)
	step("accepted")
	if bits != c.mode {
		err = kind.SetMode(id, fs.FileMode(c.mode))
	}
	if err != nil && c.marked && !errors.Is(err, sysv.ErrRemoved) {
		marksFail.Store(true)
		return nil, c.abandon(errAgain)
	}
	if err != nil {
		return nil, c.abandon(err)
	}
	return c.set, nil
}

// published tells whether a set that carries the mark was given its values in
// time. Who takes one for dead has seen it without a sem_otime for longer than a
// second since its sem_ctime.
func published(stat Stat) bool { return !stat.OTime.IsZero() && stat.OTime.Equal(stat.CTime) }

// inTime tells whether nobody can take this creation for dead yet: all have
// watched it for less time than has passed here.
func (c *creation) inTime() bool { return !c.marked || time.Since(c.begin) < object.Grace }

// abandon removes the set after an error, but not where that may hit another one:
// who has been stopped for long may have been replaced, and his id used again.
// What he leaves bears the mark.
func (c *creation) abandon(err error) error {
	if c.inTime() {
		sys.Semctl(c.set.id, 0, sys.IPC_RMID)
	}
	if errors.Is(err, sysv.ErrRemoved) {
		return errAgain
	}
	return err
}

// publish gives a new set its values and at the same instant a sem_otime,
// which tells openers that it has them.
func (c *creation) publish() error {
	if !c.inTime() {
		return errAgain
	}
	if race.Enabled {
		c.set.giving(0, c.set.len)
	}
	var ops []sys.Sembuf
	zero := -1 // the first one
	for i, v := range c.vals {
		if v > 0 {
			ops = append(ops, sys.Sembuf{Num: uint16(i), Op: int16(v), Flg: sys.IPC_NOWAIT})
		} else if zero < 0 {
			zero = i
		}
	}
	if len(ops) > 0 {
		errno := sys.SemopNoWait(c.set.id, ops)
		if errno == 0 {
			return nil
		}
		if errno != sys.E2BIG {
			return c.set.semopError(len(ops), errno)
		}
		// More than SEMOPM values: SETALL gives them atomically too, but without
		// a sem_otime. Until that follows the mark says that the set is not
		// ready. SETALL sets sem_ctime: a creator who is stopped just before it,
		// for longer than the grace, looks alive to others then, while one who
		// took him for dead may be about to remove the set.
		if err := c.set.setall(c.vals); err != nil {
			return err
		}
		step("set all")
		if !c.inTime() {
			return errAgain
		}
	}
	if zero >= 0 {
		return c.set.touchZero(uint16(zero))
	}
	return c.set.touchValue(0)
}

// touchZero gives the set a sem_otime by operations that change nothing, on a
// semaphore that is 0. EAGAIN means that somebody else's operation has changed
// it, and so given one.
func (s *Set) touchZero(num uint16) error {
	ops := []sys.Sembuf{{Num: num, Op: +1, Flg: sys.IPC_NOWAIT}, {Num: num, Op: -1, Flg: sys.IPC_NOWAIT}}
	errno := sys.SemopNoWait(s.id, ops)
	if errno == sys.E2BIG { // SEMOPM is 1
		ops = []sys.Sembuf{{Num: num, Flg: sys.IPC_NOWAIT}} // needs read permission
		errno = sys.SemopNoWait(s.id, ops)
	}
	if errno != 0 && errno != sys.EAGAIN {
		return s.semopError(len(ops), errno)
	}
	return nil
}

// touchValue is touchZero on a semaphore that is not 0.
func (s *Set) touchValue(num uint16) error {
	ops := []sys.Sembuf{{Num: num, Op: -1, Flg: sys.IPC_NOWAIT}, {Num: num, Op: +1, Flg: sys.IPC_NOWAIT}}
	errno := sys.SemopNoWait(s.id, ops)
	if errno == sys.E2BIG { // SEMOPM is 1
		for i := range ops {
			ops[i].Flg |= sys.SEM_UNDO // who is killed between the two gives it back
			if errno = sys.SemopNoWait(s.id, ops[i:i+1]); errno != 0 {
				ops = ops[:1]
				break
			}
		}
	}
	if errno != 0 && errno != sys.EAGAIN {
		return s.semopError(len(ops), errno)
	}
	return nil
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
