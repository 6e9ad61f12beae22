package lock

import (
	"errors"
	"io/fs"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/sem"
)

// Remove removes the group, its segment and its set, for everybody: whoever
// waits is woken with [sysv.ErrRemoved], and nobody gets a mutex any more. Who
// has one keeps it until he unlocks. Members must still Close. Only the owner,
// the creator or CAP_SYS_ADMIN may: others get [fs.ErrPermission], and nothing
// has changed. To remove again is [sysv.ErrRemoved].
//
// What a process leaves that is killed half-way, or ipcrm(1) of the segment or
// of the set alone, another member can Remove, with [sysv.ErrRemoved], or the
// next [OpenOrCreate] does.
func (g *Group) Remove() error {
	if race.Enabled {
		g.removing()
	}
	mapping, err := g.seg.Attach(nil)
	if errors.Is(err, sysv.ErrRemoved) {
		return errors.Join(err, unlessRemoved(g.removeSet()))
	}
	if err != nil {
		return err
	}
	defer mapping.Detach()
	mem, err := whole(mapping, g.Key())
	if err != nil || mem.set != uint32(g.set.ID()) {
		// Its id has come round, or somebody wrote over it.
		return errors.Join(g.error(sysv.ErrRemoved), unlessRemoved(g.removeSet()))
	}
	st, err := g.seg.Stat()
	if err != nil {
		return err
	}
	removed := st.Dest && mem.ends != unseen
	if _, err := sem.OpenID(g.set.ID()); errors.Is(err, fs.ErrNotExist) {
		removed = true
	}
	// The segment first: as long as the set has the key nobody makes another
	// group without poisoning this one.
	if mem.ends != unseen {
		err = g.seg.Remove()
	}
	if err != nil {
		return err
	}
	at(segmentRemoved)
	mem.poison()
	at(poisoned)
	err = unlessRemoved(g.removeSet())
	at(setRemoved)
	if removed {
		err = errors.Join(g.error(sysv.ErrRemoved), err)
	}
	return err
}

// removeSet removes the group's set, if its id is still that set's.
func (g *Group) removeSet() error {
	values, err := g.set.Values()
	if errors.Is(err, sysv.ErrRemoved) {
		return err
	}
	if segment, ok := signedBy(values); err == nil && (!ok || segment != g.ID()) {
		return g.error(sysv.ErrRemoved)
	}
	return g.set.Remove()
}

func (g *Group) error(err error) error {
	return &sysv.Error{Op: "lock", Key: g.Key(), ID: g.ID(), Err: err}
}

func unlessRemoved(err error) error {
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	return err
}
