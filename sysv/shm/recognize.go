package shm

import (
	"fmt"
	"os"

	"example.com/sysvipc/sysv"
)

// Ids come round: after some 4 million creations, which take a few seconds, a
// handle may name a segment that it was not made for. The kernel keeps nothing
// that tells the two apart for certain, but a few things that never change.

// maker is who made a segment, as far as is known.
type maker struct {
	user *user
	pid  int // of this process, if it made the segment; else 0
}

// user is a segment's creator and its group, which nobody can change.
type user struct{ uid, gid uint32 }

func makerOf(s Stat) maker { return maker{user: &user{s.CUID, s.CGID}} }

// me is the maker of a segment that this process has just made. With which user's
// rights the thread did it is not known.
func me() maker { return maker{pid: os.Getpid()} }

// recognize checks that what the kernel has under the handle's id is what the
// handle was made for, and still owned as was asked.
func (s *Segment) recognize(stat Stat) error {
	switch {
	case stat.Size != int64(s.size),
		stat.Key != s.key && !stat.Dest, // a removed one has lost its key
		s.maker.user != nil && *s.maker.user != user{stat.CUID, stat.CGID},
		s.maker.pid != 0 && s.maker.pid != stat.CPID:
		return &sysv.Error{Op: "shmat", Key: s.key, ID: s.id, Err: sysv.ErrRemoved,
			Hint: fmt.Sprintf("its id is used again, by a segment of %d bytes with key %v that uid %d created", stat.Size, stat.Key, stat.CUID)}
	}
	return kind.CheckOwner(s.key, s.id, stat.Perm, s.ownedBy)
}
