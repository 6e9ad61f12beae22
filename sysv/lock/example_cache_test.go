//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"example.com/sysvipc/sysv/lock"
)

// A cache lies in a group's memory: what has been looked up for a key, under a RWMutex.
// Its writer can be killed between any two of its stores, so each entry has a check by
// which one is told that is half-written. What a cache has lost is looked up again.
type cache [16]struct{ key, value, check atomic.Uint32 }

func checkOf(key, value uint32) uint32 { return (key*31+value)*0x9e3779b1 | 1 }

// get is what readers call: in as many processes as there are they do not slow each
// other down.
func (c *cache) get(ctx context.Context, m *lock.RWMutex, key uint32) (value uint32, ok bool, err error) {
	abandoned, err := m.RLock(ctx)
	if err != nil {
		return 0, false, err
	}
	defer m.RUnlock()
	e := &c[key%uint32(len(c))]
	value = e.value.Load()
	if e.key.Load() != key || e.check.Load() == 0 || abandoned && e.check.Load() != checkOf(key, value) {
		return 0, false, nil
	}
	return value, true, nil
}

// put is what writers call. In the middle of it hook is called, by which one is killed here.
func (c *cache) put(ctx context.Context, m *lock.RWMutex, key, value uint32, hook func()) (repaired bool, err error) {
	abandoned, err := m.Lock(ctx)
	if err != nil {
		return false, err
	}
	defer m.Unlock()
	if abandoned {
		c.repair()
		if err := m.Repaired(); err != nil {
			return false, err
		}
	}
	e := &c[key%uint32(len(c))]
	e.key.Store(key)
	hook()
	e.value.Store(value)
	e.check.Store(checkOf(key, value))
	return abandoned, nil
}

// repair forgets what is half-written.
func (c *cache) repair() {
	for i := range c {
		if e := &c[i]; e.check.Load() != checkOf(e.key.Load(), e.value.Load()) {
			e.check.Store(0)
		}
	}
}

// A child is this program again. It finds the cache by its environment.
func init() {
	g, err := lock.FromParent(context.Background(), nil, "cache")
	if err != nil {
		return
	}
	ctx, m, c := context.Background(), g.RWMutex(0), must(lock.View[cache](g, 0))
	switch os.Getenv("CACHE_CHILD") {
	case "reader":
		for range 1000 {
			for key := range uint32(len(c)) {
				value, ok, err := c.get(ctx, m, key)
				if err != nil || ok && value != key*key {
					fmt.Println("read", key, value, err)
				}
			}
		}
	case "killed writer":
		must(c.put(ctx, m, 7+uint32(len(c)), 1, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }))
	}
	os.Exit(0)
}

// A cache of one writer at a time and readers in several processes. A writer is killed
// in the middle; nobody is kept waiting, and the next writer repairs.
func Example_cache() {
	ctx := context.Background()
	g := must(lock.Anonymous(ctx, 0, &lock.Config{RWMutexes: 1, Memory: int(unsafe.Sizeof(cache{}))}))
	defer g.Close()
	m, c := g.RWMutex(0), must(lock.View[cache](g, 0))
	child := func(role string) *exec.Cmd {
		cmd := exec.Command(must(os.Executable()))
		cmd.Env = append(os.Environ(), g.Env("cache"), "CACHE_CHILD="+role)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		must(cmd, cmd.Start())
		return cmd
	}
	for key := range uint32(len(c)) {
		must(c.put(ctx, m, key, key*key, func() {}))
	}
	readers := []*exec.Cmd{child("reader"), child("reader"), child("reader")}
	fmt.Println("the writer:", child("killed writer").Wait())

	_, ok, err := c.get(ctx, m, 7)
	fmt.Println("7 is in the cache:", ok, err)
	repaired, err := c.put(ctx, m, 7, 49, func() {})
	fmt.Println("the next writer repairs:", repaired, err)
	for _, reader := range readers {
		must(reader, reader.Wait())
	}
	found := ""
	for key := range uint32(len(c)) {
		if value, ok, _ := c.get(ctx, m, key); ok {
			found += " " + strconv.Itoa(int(value))
		}
	}
	fmt.Println("in the cache:" + found)
	// Output:
	// the writer: signal: killed
	// 7 is in the cache: false <nil>
	// the next writer repairs: true <nil>
	// in the cache: 0 1 4 9 16 25 36 49 64 81 100 121 144 169 196 225
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
