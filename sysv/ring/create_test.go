//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/shm"
)

// newKey returns a free key, of which nothing may be left.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		if _, err := shm.Open(key, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of key %v is left: %v", key, err)
		}
	})
	return key
}

func closeQueue(t *testing.T, q *Queue) {
	t.Cleanup(func() {
		t.Helper()
		kit.Must(t, q.Close())
	})
}

func TestOpenQueue(t *testing.T) {
	key := newKey(t)
	_, err := OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	q, err := CreateQueue(kit.Patient(t), key, nil)
	kit.Must(t, err)
	endQueue(t, q)
	if q.Key() != key || q.size != defaultSize/unit {
		t.Errorf("key %v, %d units", q.Key(), q.size)
	}
	_, err = CreateQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrExist)
	for name, open := range map[string]func() (*Queue, error){
		"by key": func() (*Queue, error) { return OpenQueue(kit.Patient(t), key, nil) },
		"by id":  func() (*Queue, error) { return OpenQueueID(kit.Patient(t), q.ID(), nil) },
		"or create": func() (*Queue, error) {
			q, created, err := OpenOrCreateQueue(kit.Patient(t), key, nil)
			return unlessCreated(t, q, created, err)
		},
		"or create with that size": func() (*Queue, error) {
			q, created, err := OpenOrCreateQueue(kit.Patient(t), key, &Config{Size: defaultSize - 1})
			return unlessCreated(t, q, created, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			again, err := open()
			kit.Must(t, err)
			closeQueue(t, again)
			send(t, q, name)
			kit.Must(t, receive(t, again, name, 0).Done())
		})
	}
	_, _, err = OpenOrCreateQueue(kit.Patient(t), key, &Config{Size: 2 * defaultSize})
	kit.WantError(t, err, sysv.ErrSize, "1048576 bytes, 2097152 are asked for")
	other := uint32(os.Geteuid()) + 1
	_, err = OpenQueue(kit.Patient(t), key, &OpenConfig{OwnedBy: &other})
	kit.WantError(t, err, fs.ErrPermission)
	_, _, err = OpenOrCreateQueue(kit.Patient(t), key, &Config{OwnedBy: &other})
	kit.WantError(t, err, fs.ErrPermission)
	if st, err := q.Stat(); err != nil || len(st.Members) != 1 {
		t.Errorf("members %+v, error %v", st.Members, err)
	}
}

func unlessCreated(t *testing.T, q *Queue, created bool, err error) (*Queue, error) {
	t.Helper()
	if created {
		t.Error("created again")
	}
	return q, err
}

func TestQueueConfigs(t *testing.T) {
	key := newKey(t)
	for _, tt := range []struct {
		says string
		cfg  Config
	}{
		{"512 to 4294967296 bytes, not 511", Config{Size: 511}},
		{"512 to 4294967296 bytes, not -1", Config{Size: -1}},
		{"1 to 2047 processes, not -1", Config{Processes: -1}},
		{"1 to 2047 processes, not 2048", Config{Processes: 2048}},
		{"0 to 65535 attempts, not -1", Config{Attempts: -1}},
		{"0 to 65535 attempts, not 65536", Config{Attempts: 65536}},
		{"Aside is half of Size at least, so that any record has room: 524288, not 65536", Config{Attempts: 1, Aside: 64 << 10}},
		{"2 to 65536 leases, not 1", Config{Leases: 1}},
		{"are for a Feed", Config{Lossy: true}},
		{"are for a Feed", Config{Cursors: 1}},
		{"Attempts is 0: nothing is", Config{Aside: 512}},
		{"0601 marks", Config{Mode: 0o601}},
	} {
		_, err := CreateQueue(kit.Patient(t), key, &tt.cfg)
		kit.WantError(t, err, syscall.EINVAL, tt.says)
		_, _, err = OpenOrCreateQueue(kit.Patient(t), key, &tt.cfg)
		kit.WantError(t, err, syscall.EINVAL, tt.says)
	}
	_, _, err := OpenOrCreateQueue(kit.Patient(t), sysv.Private, nil)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
}

// What is no queue is left alone.
func TestOtherObjectsAreRefused(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(kit.Patient(t), key, queueMutexes, &lock.Config{Memory: 4096})
	kit.Must(t, err)
	_, err = OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, syscall.EINVAL, `holds "", not "sysvipc queue 1"`)
	_, _, err = OpenOrCreateQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, syscall.EINVAL)
	_, err = InspectQueue(g.ID())
	kit.WantError(t, err, syscall.EINVAL)
	kit.Must(t, g.Remove())
	kit.Must(t, g.Close())

	seg, err := shm.Create(key, 1<<20, nil)
	kit.Must(t, err)
	_, err = OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, syscall.EINVAL, "no group of mutexes")
	kit.Must(t, seg.Remove())
}

// A geometry that is not that of the memory is not believed.
func TestHostileGeometry(t *testing.T) {
	good := geometry{cells: 64, slots: 3, size: 64, aside: 64, limit: 1}
	n := int(good.bytes())
	if !good.fits(n) || good.fits(n-1) || good.fits(n+line) {
		t.Fatalf("%d bytes fit %v", n, good.fits(n))
	}
	for _, change := range []func(g *geometry){
		func(g *geometry) { g.cells = 0 },
		func(g *geometry) { g.cells = 1<<32 - 1 },
		func(g *geometry) { g.cells++ },
		func(g *geometry) { g.slots = 0 },
		func(g *geometry) { g.slots = 1<<32 - 1 },
		func(g *geometry) { g.size, g.aside = 0, 128 },
		func(g *geometry) { g.size, g.aside = 96, 32 },
		func(g *geometry) { g.size = 1 << 31 },
		func(g *geometry) { g.size, g.aside = 128, 0; g.limit = 1 << 16 },
	} {
		bad := good
		if change(&bad); bad.fits(n) {
			t.Errorf("%+v is good for %d bytes", bad, n)
		}
	}
	key := newKey(t)
	for _, content := range []func(b []byte) error{
		func([]byte) error { return nil },
		func(b []byte) error { good.write(b); return nil },
	} {
		g, err := lock.Create(kit.Patient(t), key, queueMutexes, &lock.Config{Memory: 2 * n, Format: queueFormat, Init: content})
		kit.Must(t, err)
		_, err = OpenQueue(kit.Patient(t), key, nil)
		kit.WantError(t, err, errCorrupt, "can't be a queue")
		_, err = InspectQueue(g.ID())
		kit.WantError(t, err, syscall.EINVAL)
		kit.Must(t, g.Remove())
		kit.Must(t, g.Close())
	}
}

func TestEphemeralQueue(t *testing.T) {
	key := newKey(t)
	cfg := &Config{Ephemeral: true, Size: 512}
	open := func(wantCreated bool) *Queue {
		t.Helper()
		q, created, err := OpenOrCreateQueue(kit.Patient(t), key, cfg)
		kit.Must(t, err)
		if created != wantCreated {
			t.Errorf("created %v, want %v", created, wantCreated)
		}
		return q
	}
	q := open(true)
	again := open(false)
	send(t, q, "left")
	kit.Must(t, q.Close())
	kit.Must(t, receive(t, again, "left", 0).Done())
	send(t, again, "lost")
	kit.Must(t, again.Close())
	_, err := OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)

	q = open(true)
	nothingLeft(t, q)
	send(t, q, "taken")
	p := hold(t, []string{q.groupID(), ""}, 0, 1, "taken 0")
	kit.Must(t, q.Close())
	p.Kill()
	q = open(true) // where nobody lives
	nothingLeft(t, q)
	kit.Must(t, q.Close())
}

// A creator that is killed before the queue is whole leaves nothing that is in the way:
// lock's tests have each step. This one shows that a queue begins that way.
func TestNobodySeesAnUnfinishedQueue(t *testing.T) {
	key := newKey(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := CreateQueue(ctx, key, nil)
	kit.WantError(t, err, context.Canceled)
	_, err = OpenQueue(ctx, key, nil)
	kit.WantError(t, err, context.Canceled)
	_, err = OpenQueueID(ctx, 0, nil)
	kit.WantError(t, err, context.Canceled)
}
