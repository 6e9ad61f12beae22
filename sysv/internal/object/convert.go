package object

import (
	"io/fs"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// Perm makes the public Perm of the kernel's, without the state bits that
// segments keep in their mode.
func Perm(p sys.Perm) sysv.Perm {
	return sysv.Perm{
		Key:  sysv.Key(p.Key),
		UID:  p.UID,
		GID:  p.GID,
		CUID: p.CUID,
		CGID: p.CGID,
		Mode: fs.FileMode(p.Mode & 0o777),
		Seq:  p.Seq,
	}
}

// Time makes a time of the kernel's seconds, where 0 is never.
func Time(sec int64) time.Time {
	if sec == 0 {
		return time.Time{}
	}
	return time.Unix(sec, 0)
}
