package inspect

import (
	"os/user"
	"strconv"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// kinds are which kinds of objects are meant.
type kinds struct {
	Queues   bool `name:"queues" short:"q" help:"Message queues."`
	Segments bool `name:"shmems" short:"m" help:"Shared memory segments."`
	Sets     bool `name:"semaphores" short:"s" help:"Semaphore sets."`
}

// orAll are these, or all if none was named.
func (k kinds) orAll() kinds {
	if k == (kinds{}) {
		return kinds{true, true, true}
	}
	return k
}

// one tells whether it is one kind.
func (k kinds) one() bool {
	return k == kinds{Queues: true} || k == kinds{Segments: true} || k == kinds{Sets: true}
}

// listing is what there is, and the names of those whose it is.
type listing struct {
	queues   []msg.Stat
	segments []shm.Stat
	sets     []sem.Stat

	names, groups map[uint32]string
	row           []byte
}

// list asks for all objects of some kinds.
func list(k kinds) (*listing, error) {
	l := new(listing)
	var err error
	if k.Queues {
		if l.queues, err = msg.List(); err != nil {
			return nil, err
		}
	}
	if k.Segments {
		if l.segments, err = shm.List(); err != nil {
			return nil, err
		}
	}
	if k.Sets {
		if l.sets, err = sem.List(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// owner is the owner's name, or number where the system knows no name. ipcs
// prints the first 10 characters of either.
func (l *listing) owner(p sysv.Perm) string { return l.user(p.UID) }

func (l *listing) user(uid uint32) string {
	return named(&l.names, uid, func(number string) (string, error) {
		u, err := user.LookupId(number)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (l *listing) group(gid uint32) string {
	return named(&l.groups, gid, func(number string) (string, error) {
		g, err := user.LookupGroupId(number)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

// named remembers the names of numbers, which are asked for once.
func named(known *map[uint32]string, id uint32, lookUp func(string) (string, error)) string {
	name, ok := (*known)[id]
	if !ok {
		number := strconv.FormatUint(uint64(id), 10)
		var err error
		if name, err = lookUp(number); err != nil {
			name = number
		}
		if *known == nil {
			*known = make(map[uint32]string)
		}
		(*known)[id] = name
	}
	return name
}
