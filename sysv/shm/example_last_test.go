//go:build linux && !android

package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

var visitsKey = sysv.KeyOf("visits.example.com")

// A visit is what a user of shared memory has from when he comes until he goes. Users
// come and go under a lock, of which the set lives as long as the memory does.
type visit struct {
	door *sem.Set
	mem  *shm.Mapping
}

// come opens the memory or makes it.
func come(ctx context.Context) (*visit, error) {
	for {
		door, _, err := sem.OpenOrCreate(ctx, visitsKey, []int{1}, nil)
		if err == nil {
			err = door.Mutex(0).Lock(ctx)
		}
		if errors.Is(err, sysv.ErrRemoved) {
			continue // by the last user, who went while we waited
		}
		if err != nil {
			return nil, err
		}
		zeros := func(*shm.Mapping) error { return nil }
		mem, _, err := shm.OpenOrInit(ctx, visitsKey, 4096, nil, zeros)
		return &visit{door, mem}, errors.Join(err, door.Mutex(0).Unlock())
	}
}

// goes removes the memory, and the lock, if nobody has it attached any more. The
// kernel counts who does, and forgets who is killed. It unlocks for him, too: the last
// one, if he is killed, leaves both for the next to use.
func (v *visit) goes(ctx context.Context) error {
	if err := v.door.Mutex(0).Lock(ctx); err != nil {
		return err
	}
	err := v.mem.Detach()
	stat, failed := v.mem.Segment().Stat()
	if err = errors.Join(err, failed); err != nil || stat.Nattch > 0 {
		return errors.Join(err, v.door.Mutex(0).Unlock())
	}
	return errors.Join(v.mem.Segment().Remove(), v.door.Remove()) // who waits for the lock gets ErrRemoved
}

// A visitor is this program again.
func init() {
	if os.Getenv("VISITS") != "" {
		ctx := context.Background()
		for range 100 {
			v := must(come(ctx))
			must(shm.View[atomic.Uint32](v.mem, 0)).Add(1)
			must(0, v.goes(ctx))
		}
		os.Exit(0)
	}
}

func startVisitors() (wait func()) {
	var visitors [3]*exec.Cmd
	for i := range visitors {
		visitors[i] = exec.Command(must(os.Executable()))
		visitors[i].Env = append(os.Environ(), "VISITS=1")
		visitors[i].Stderr = os.Stderr
		must(0, visitors[i].Start())
	}
	return func() {
		for _, visitor := range visitors {
			must(0, visitor.Wait())
		}
	}
}

// The last user removes what he came to, or made, and no sooner.
func Example_lastUserRemoves() {
	ctx := context.Background()
	v := must(come(ctx))
	startVisitors()()
	fmt.Println(must(shm.View[atomic.Uint32](v.mem, 0)).Load(), "visits")
	must(0, v.goes(ctx))
	_, err := shm.Open(visitsKey, nil)
	fmt.Println("nothing is left:", errors.Is(err, fs.ErrNotExist))
	// Output:
	// 300 visits
	// nothing is left: true
}

// Where nobody stays, the last one goes again and again, just when others come.
func TestLastUserRemoves(t *testing.T) {
	emulator.Mode.Skip(t)
	startVisitors()()
	_, err := shm.Open(visitsKey, nil)
	_, failed := sem.Open(t.Context(), visitsKey, nil)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(failed, fs.ErrNotExist) {
		t.Errorf("left: segment: %v, set: %v", err, failed)
	}
}
