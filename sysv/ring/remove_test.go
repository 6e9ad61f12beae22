//go:build linux && !android && !sysvipc_steps

package ring

import (
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
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
	"ipcrm of both": func(t *testing.T, r removable) {
		st, err := lock.Inspect(r.ID(), nil)
		kit.Must(t, err)
		ipcrmSegment(t, r)
		set, err := sem.OpenID(st.SetID)
		kit.Must(t, err)
		kit.Must(t, set.Remove())
	},
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
