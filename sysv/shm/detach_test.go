//go:build linux && !android

package shm_test

import (
	"errors"
	"os"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestDetachAgainDoesNothing(t *testing.T) {
	seg := create(t, 1, nil)
	m, other := attach(t, seg, nil), attach(t, seg, nil)
	for range 3 {
		if err := m.Detach(); err != nil {
			t.Error(err)
		}
	}
	if st := stat(t, seg); st.Nattch != 1 {
		t.Errorf("nattch %d, want 1", st.Nattch)
	}
	other.Bytes()[0] = 1 // is still there
}

// Whatever is asked of a mapping that is detached, the answer is os.ErrClosed.
func TestEveryMethodAfterDetach(t *testing.T) {
	methods := map[string]func(*shm.Mapping) error{
		"ReadAt":      func(m *shm.Mapping) error { _, err := m.ReadAt(make([]byte, 1), 0); return err },
		"ReadAt none": func(m *shm.Mapping) error { _, err := m.ReadAt(nil, 0); return err },
		"WriteAt":     func(m *shm.Mapping) error { _, err := m.WriteAt(make([]byte, 1), 0); return err },
		"View":        func(m *shm.Mapping) error { _, err := shm.View[byte](m, 0); return err },
		"Slice":       func(m *shm.Mapping) error { _, err := shm.Slice[byte](m, 0, 1); return err },
		"Slice none":  func(m *shm.Mapping) error { _, err := shm.Slice[byte](m, 0, 0); return err },
		"Detach":      nil, // is no error
	}
	coversErrors(t, reflect.TypeFor[*shm.Mapping](), methods)
	for name, cfg := range map[string]*shm.AttachConfig{"read-write": nil, "read-only": {ReadOnly: true}} {
		t.Run(name, func(t *testing.T) {
			m := attach(t, create(t, 10, nil), cfg)
			detach(t, m)
			for name, call := range methods {
				if call != nil {
					t.Run(name, func(t *testing.T) { kit.WantError(t, call(m), os.ErrClosed) })
				}
			}
			if b := m.Bytes(); b != nil || m.Len() != 0 {
				t.Errorf("Bytes has %d, Len is %d, want nothing", len(b), m.Len())
			}
		})
	}
}

// What is detached is no longer kept, for Remap or anything else.
func TestDetachedMappingsAreCollected(t *testing.T) {
	seg := create(t, 1, nil)
	m, err := seg.Attach(nil)
	kit.Must(t, err)
	gone := weak.Make(m)
	detach(t, m)
	runtime.GC()
	if gone.Value() != nil {
		t.Error("something refers to a mapping that is detached")
	}
}

// A copy that is under way when Detach is called ends before it does: what
// Detach finds done when it returns is all of it. Without that wait the copy
// would be far from its end, or die of a fault.
func TestDetachWaitsForCopies(t *testing.T) {
	const size = 32 << 20
	for name, copyAll := range map[string]func(m *shm.Mapping, other []byte) error{
		"ReadAt":  func(m *shm.Mapping, p []byte) error { _, err := m.ReadAt(p, 0); return err },
		"WriteAt": func(m *shm.Mapping, p []byte) error { _, err := m.WriteAt(p, 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			// m is the mapping under test. The copy goes from it to the other
			// segment or the other way, and is watched where it arrives.
			inSeg, other := create(t, size, nil), attach(t, create(t, size, nil), nil)
			m, watched := attach(t, inSeg, nil), other
			source := m
			if name == "WriteAt" {
				source, watched = other, attach(t, inSeg, nil)
			}
			early, last := word(t, watched, 1<<20), word(t, watched, size-4)
			word(t, source, 1<<20).Store(1)
			word(t, source, size-4).Store(1)

			copied := make(chan error, 1)
			go func() { copied <- copyAll(m, other.Bytes()) }()
			for early.Load() == 0 {
				runtime.Gosched()
			}
			if err := m.Detach(); err != nil {
				t.Error(err)
			}
			if last.Load() == 0 {
				t.Error("Detach returned before the copy had ended")
			}
			if err := <-copied; err != nil {
				t.Error(err)
			}
		})
	}
}

func word(t *testing.T, m *shm.Mapping, off int) *atomic.Uint32 {
	t.Helper()
	w, err := shm.View[atomic.Uint32](m, off)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Copies that come and go while several goroutines detach are whole, or find
// the mapping closed.
func TestDetachStorm(t *testing.T) {
	seg := create(t, 4096, nil)
	for range 300 {
		m := attach(t, seg, nil)
		var running, storm sync.WaitGroup
		for i := range 4 {
			running.Add(1)
			storm.Go(func() {
				p := make([]byte, 4096)
				for first := true; ; first = false {
					call := m.ReadAt
					if i%2 == 0 {
						call = m.WriteAt
					}
					n, err := call(p, 0)
					if first {
						running.Done()
					}
					if errors.Is(err, os.ErrClosed) && n == 0 {
						return
					}
					if err != nil || n != len(p) {
						t.Errorf("copied %d of %d: %v", n, len(p), err)
						return
					}
					runtime.Gosched()
				}
			})
		}
		running.Wait()
		for range 2 {
			storm.Go(func() {
				if err := m.Detach(); err != nil {
					t.Error(err)
				}
			})
		}
		storm.Wait()
	}
	if st := stat(t, seg); st.Nattch != 0 {
		t.Errorf("nattch %d, want 0", st.Nattch)
	}
}
