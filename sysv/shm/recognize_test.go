//go:build linux && !android

package shm_test

import (
	"io/fs"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// Whoever waits for an id to come round, or makes it, has no memory of his own
// attached in the place of another's.
func TestAttachAfterTheIDHasComeRound(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handle  func(*shm.Segment) (*shm.Segment, error)
		key     func(sysv.Key) sysv.Key
		size    int
		foreign bool // somebody else's creation
		owner   uint32
		want    error
	}{
		{"another size", byKey, same, 4095, false, 0, sysv.ErrRemoved},
		{"another size, by the maker's handle", itself, same, 4095, false, 0, sysv.ErrRemoved},
		{"another key", byKey, private, 4096, false, 0, sysv.ErrRemoved},
		{"another key, by the maker's handle", itself, private, 4096, false, 0, sysv.ErrRemoved},
		{"another key, by id", byID, private, 4096, false, 0, sysv.ErrRemoved},
		{"another creator", byKey, same, 4096, true, 0, sysv.ErrRemoved},
		{"another process's, by the maker's handle", itself, same, 4096, true, 0, sysv.ErrRemoved},
		{"given to somebody", byOwner, same, 4096, false, alice, fs.ErrPermission},
		{"nothing to tell it by", byOwner, same, 4096, false, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kit.NeedRoot(t, "can set kernel.shm_next_id")
			old, err := shm.Create(sysv.RandomKey(), 4096, nil)
			kit.Must(t, err)
			handle, err := tt.handle(old)
			kit.Must(t, err)
			kit.Must(t, old.Remove())
			kit.NextID(t, "shm", old.ID())
			key := tt.key(old.Key())
			if tt.foreign {
				as(t, alice, alice).ok("create %d %d", int32(key), tt.size)
			} else {
				_, err := shm.Create(key, tt.size, nil)
				kit.Must(t, err)
			}
			next, err := shm.OpenID(old.ID())
			kit.Must(t, err)
			removeAtEnd(t, next)
			if tt.owner != 0 {
				kit.Must(t, next.SetPerm(tt.owner, tt.owner, 0o666))
			}
			m, err := handle.Attach(nil)
			kit.WantError(t, err, tt.want)
			if m != nil {
				detach(t, m)
			}
			if n := stat(t, next).Nattch; n != 0 {
				t.Errorf("it is attached %d times", n)
			}
		})
	}
}

func same(k sysv.Key) sysv.Key  { return k }
func private(sysv.Key) sysv.Key { return sysv.Private }

func itself(s *shm.Segment) (*shm.Segment, error) { return s, nil }
func byKey(s *shm.Segment) (*shm.Segment, error)  { return shm.Open(s.Key(), nil) }
func byID(s *shm.Segment) (*shm.Segment, error)   { return shm.OpenID(s.ID()) }
func byOwner(s *shm.Segment) (*shm.Segment, error) {
	return shm.Open(s.Key(), &shm.OpenConfig{OwnedBy: new(uint32(0))})
}

// A handle goes on to be good when its segment has lost its key, or was given to
// somebody else.
func TestAttachAfterChangesToTheSegment(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 100, nil)
	handles := []*shm.Segment{seg}
	for _, open := range []func(*shm.Segment) (*shm.Segment, error){byKey, byID} {
		h, err := open(seg)
		kit.Must(t, err)
		handles = append(handles, h)
	}
	attach(t, seg, nil) // so that it outlives its removal
	kit.Must(t, seg.SetMode(0o640))
	kit.Must(t, seg.Remove())
	for _, h := range handles {
		attach(t, h, nil)
	}
	if got := stat(t, seg).Nattch; got != 1+len(handles) {
		t.Errorf("attached %d times, want %d", got, 1+len(handles))
	}
}
