package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Make makes objects, as ipcmk does.
type Make struct {
	Segment term.Size `name:"shmem" short:"M" placeholder:"SIZE" help:"Make a segment of this size: 4096, 64K, 1GiB."`
	Set     int       `name:"semaphore" short:"S" placeholder:"NUMBER" help:"Make a set of this many semaphores, which are 0."`
	Queue   bool      `name:"queue" short:"Q" help:"Make a message queue."`
	Mode    mode      `name:"mode" short:"p" default:"0644" help:"Who may use it, as chmod says it."`
	Key     term.Key  `name:"key" placeholder:"KEY" help:"Under this key; a fresh random one if not given."`
}

// mode are permissions in octal.
type mode fs.FileMode

func (m *mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is no mode: 0 to 0777, in octal", text)
	}
	*m = mode(n)
	return nil
}

// Validate refuses what can't be made.
func (c *Make) Validate() error {
	switch {
	case c.Segment == 0 && c.Set == 0 && !c.Queue:
		return errors.New("nothing to make: give -M SIZE, -S NUMBER or -Q")
	case uint64(c.Segment) > math.MaxInt:
		return fmt.Errorf("--shmem must be at most %d", math.MaxInt)
	case c.Set < 0:
		return errors.New("--semaphore must be at least 1")
	}
	return nil
}

// Run makes what is asked for and prints the ids, in the words of ipcmk.
func (c *Make) Run() error {
	mode := fs.FileMode(c.Mode)
	if c.Segment > 0 {
		seg, err := fresh(c.Key, func(key sysv.Key) (*shm.Segment, error) {
			return shm.Create(key, int(c.Segment), &shm.Config{Mode: mode})
		})
		if err != nil {
			return err
		}
		fmt.Printf("Shared memory id: %d\n", seg.ID())
	}
	if c.Queue {
		q, err := fresh(c.Key, func(key sysv.Key) (*msg.Queue, error) { return msg.Create(key, &msg.Config{Mode: mode}) })
		if err != nil {
			return err
		}
		fmt.Printf("Message queue id: %d\n", q.ID())
	}
	if c.Set > 0 {
		set, err := fresh(c.Key, func(key sysv.Key) (*sem.Set, error) {
			return sem.Create(key, make([]int, c.Set), &sem.Config{Mode: mode})
		})
		if err != nil {
			return err
		}
		fmt.Printf("Semaphore id: %d\n", set.ID())
	}
	return nil
}

// fresh makes an object with a key, or with the first random one that is free.
func fresh[T any](key term.Key, create func(sysv.Key) (T, error)) (T, error) {
	if key != 0 {
		return create(sysv.Key(key))
	}
	for {
		object, err := create(sysv.RandomKey())
		if !errors.Is(err, fs.ErrExist) {
			return object, err
		}
	}
}
