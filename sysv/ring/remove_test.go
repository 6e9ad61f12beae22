//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// A removable is what can be removed from inside and from outside.
type removable interface {
	ID() int
	Remove() error
}

var removals = map[string]func(*testing.T, removable){
	"Remove":               func(t *testing.T, r removable) { kit.Must(t, r.Remove()) },
	"ipcrm of the segment": ipcrmSegment,
	"ipcrm of the set":     ipcrmSet,
	"ipcrm of both": func(t *testing.T, r removable) {
		st, err := lock.Inspect(r.ID(), nil)
		kit.Must(t, err)
		ipcrmSegment(t, r)
		set, err := sem.OpenID(st.SetID)
		kit.Must(t, err)
		kit.Must(t, set.Remove())
	},
}

func ipcrmSet(t *testing.T, r removable) {
	st, err := lock.Inspect(r.ID(), nil)
	kit.Must(t, err)
	set, err := sem.OpenID(st.SetID)
	kit.Must(t, err)
	kit.Must(t, set.Remove())
}

func ipcrmSegment(t *testing.T, r removable) {
	seg, err := shm.OpenID(r.ID())
	kit.Must(t, err)
	kit.Must(t, seg.Remove())
}

// wantFailures makes each of some calls until it fails, and checks how.
func wantFailures[T removable](t *testing.T, calls map[string]func(T) error, of T, want error) {
	t.Helper()
	for name, call := range calls {
		var err error
		kit.Eventually(t, name+" fails", func() bool { err = call(of); return err != nil })
		kit.WantError(t, err, want)
		if e, ok := err.(*sysv.Error); !ok || !strings.HasPrefix(e.Op, "ring.") || e.ID != of.ID() {
			t.Errorf("%s: error %#v names no call, or not the ring", name, err)
		}
	}
}

// After ipcrm of one half a member that closes removes the other, and nothing else.
func TestCloseRemovesTheOtherHalf(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	rings := map[string]func() (removable, func() error){
		"queue": func() (removable, func() error) {
			q, err := CreateQueue(bg, newKey(t), nil)
			kit.Must(t, err)
			return q, q.Close
		},
		"feed": func() (removable, func() error) {
			f, err := CreateFeed(bg, newKey(t), nil)
			kit.Must(t, err)
			return f, f.Close
		},
		"latest": func() (removable, func() error) {
			l, err := CreateLatest(bg, newKey(t), 8, nil)
			kit.Must(t, err)
			return l, l.Close
		},
		"ephemeral": func() (removable, func() error) {
			l, err := CreateLatest(bg, newKey(t), 8, &Config{Ephemeral: true})
			kit.Must(t, err)
			return l, l.Close
		},
	}
	for kind, create := range rings {
		for half, remove := range map[string]func(*testing.T, removable){"segment": ipcrmSegment, "set": ipcrmSet} {
			t.Run(kind+", ipcrm of the "+half, func(t *testing.T) {
				r, closeIt := create()
				st, err := lock.Inspect(r.ID(), nil)
				kit.Must(t, err)
				remove(t, r)
				// Another's set has what key there was, if that is free.
				if half == "set" {
					other, err := sem.Create(st.Key, []int{1}, nil)
					kit.Must(t, err)
					defer func() { kit.Must(t, other.Remove()) }()
				}
				kit.Must(t, closeIt())
				if _, err := shm.OpenID(st.SegmentID); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the segment is there: %v", err)
				}
				if _, err := sem.OpenID(st.SetID); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the set is there: %v", err)
				}
			})
		}
	}
}
