//go:build linux && !android

package shm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/shm"
)

// A child is this program again, with what it shares in its environment.
func init() {
	if mem, err := shm.FromParent("counter"); err == nil {
		counter := must(shm.View[int32](mem, 0))
		m := must(lock.FromParent(context.Background(), nil, "counter")).Mutex(0)
		for range 1000 {
			must(m.Lock(context.Background())) // abandoned or not: a number is never half-written
			*counter++
			must(m, m.Unlock())
		}
		os.Exit(0)
	}
}

// A parent, three children, a segment and a lock.
func Example_children() {
	seg, mem, err := shm.Anonymous(4) // goes with the last of us
	defer must(mem, err).Detach()
	group := must(lock.Anonymous(context.Background(), 1, nil))
	defer group.Close()
	var children [3]*exec.Cmd
	for i := range children {
		children[i] = exec.Command(must(os.Executable()))
		children[i].Env = append(os.Environ(), seg.Env("counter"), group.Env("counter"))
		children[i].Stderr = os.Stderr
		must(children[i], children[i].Start())
	}
	for _, child := range children {
		must(child, child.Wait())
	}
	fmt.Println(*must(shm.View[int32](mem, 0)))
	// Output: 3000
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // and not log.Fatal, which skips what is deferred
	}
	return value
}
