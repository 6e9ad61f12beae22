package ring

import (
	"os"
	"slices"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// removeOrphans removes the ephemeral rings without a key of which all members were killed,
// before this process makes another such ring: nobody else ever would, for nobody opens what has
// ended, and by no key can it be found. It removes nothing but what this user has created and
// owns, what nobody has attached, and what is a ring in every respect.
//
// What it can't do is no matter: the next one tries again. Between the look and the removal
// an id may come round, as between those of ipcrm(1).
func removeOrphans() {
	list, err := shm.List()
	if err != nil {
		return
	}
	me := uint32(os.Geteuid())
	for _, st := range list {
		if st.Key != sysv.Private || st.UID != me || st.CUID != me || st.Nattch != 0 || st.Dest {
			continue
		}
		group, err := lock.Inspect(st.ID, nil)
		if err != nil || !group.Ephemeral || len(group.Members) > 0 || !slices.Contains(formats, group.Format) {
			continue
		}
		removeBoth(group)
	}
}

var formats = []string{queueFormat, feedFormat, latestFormat}

func removeBoth(group lock.Stat) {
	if seg, err := shm.OpenID(group.SegmentID); err != nil || seg.Remove() != nil {
		return
	}
	if set, err := sem.OpenID(group.SetID); err == nil {
		set.Remove()
	}
}
