//go:build linux && !android

package shm_test

import (
	"io/fs"
	"reflect"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestRemovedSegmentLivesWhileAttached(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 10, nil)
	m := attach(t, seg, nil)
	other := startPeer(t, nil)
	other.ok("open-id %d", seg.ID())
	for range 2 { // to ask for it again is no error
		if err := seg.Remove(); err != nil {
			t.Fatal(err)
		}
	}

	st := stat(t, seg)
	if !st.Dest || st.Key != sysv.Private || st.Nattch != 1 {
		t.Errorf("dest %v, key %v, nattch %d, want true, Private, 1", st.Dest, st.Key, st.Nattch)
	}
	if l, ok := listed(t, seg.ID()); !ok || !l.Dest || l.Mode != 0o600 {
		t.Errorf("listed %v, dest %v, mode %#o, want true, true, 0600", ok, l.Dest, l.Mode)
	}
	wantFree(t, seg.Key())
	successor, err := shm.Create(seg.Key(), 20, nil)
	if err != nil {
		t.Fatalf("its key is not free: %v", err)
	}
	removeAtEnd(t, successor)

	// The memory goes on, here and for whoever comes by id.
	m.Bytes()[0] = 'x'
	if got := attach(t, seg, nil).Bytes()[0]; got != 'x' {
		t.Errorf("attached here again it has %q, want x", got)
	}
	other.ok("attach")
	if got := other.ok("read 0 1"); got != "x" {
		t.Errorf("attached elsewhere it has %q, want x", got)
	}
}

func TestRemovedSegmentGoesWithItsLastAttachment(t *testing.T) {
	for _, end := range []string{"detach", "kill"} {
		t.Run(end, func(t *testing.T) {
			seg := create(t, 1, nil)
			m := attach(t, seg, nil)
			other := startPeer(t, nil)
			other.ok("open-id %d", seg.ID())
			other.ok("attach")
			if err := seg.Remove(); err != nil {
				t.Fatal(err)
			}
			detach(t, m)
			if st := stat(t, seg); st.Nattch != 1 {
				t.Errorf("nattch %d, want 1", st.Nattch)
			}
			if end == "kill" {
				other.Kill()
				kit.Eventually(t, "the dead process is detached", func() bool { _, ok := listed(t, seg.ID()); return !ok })
			} else {
				other.ok("detach")
			}
			_, err := seg.Stat()
			kit.WantError(t, err, sysv.ErrRemoved)
		})
	}
}

// Whatever is asked of a segment that is gone, the answer is ErrRemoved.
func TestEveryMethodOfARemovedSegment(t *testing.T) {
	methods := map[string]func(*shm.Segment) error{
		"Attach":      func(s *shm.Segment) error { _, err := s.Attach(nil); return err },
		"Stat":        func(s *shm.Segment) error { _, err := s.Stat(); return err },
		"SetPerm":     func(s *shm.Segment) error { return s.SetPerm(0, 0, 0o600) },
		"SetMode":     func(s *shm.Segment) error { return s.SetMode(0o600) },
		"Remove":      (*shm.Segment).Remove,
		"LockPages":   (*shm.Segment).LockPages,
		"UnlockPages": (*shm.Segment).UnlockPages,
	}
	coversErrors(t, reflect.TypeFor[*shm.Segment](), methods)

	gone := create(t, 10, nil)
	if err := gone.Remove(); err != nil {
		t.Fatal(err)
	}
	create(t, 10, nil) // takes its place in the kernel's table, under another id
	for name, call := range methods {
		t.Run(name, func(t *testing.T) {
			kit.WantError(t, call(gone), sysv.ErrRemoved, "removed", "ipcrm")
		})
	}
	_, err := shm.OpenID(gone.ID())
	kit.WantError(t, err, fs.ErrNotExist)
}

// coversErrors fails the test unless the table has every method that returns
// an error.
func coversErrors[F any](t *testing.T, typ reflect.Type, table map[string]F) {
	t.Helper()
	for m := range typ.Methods() {
		if n := m.Type.NumOut(); n == 0 || m.Type.Out(n-1) != reflect.TypeFor[error]() {
			continue
		}
		if _, ok := table[m.Name]; !ok {
			t.Errorf("the table lacks %v.%s", typ, m.Name)
		}
	}
}
