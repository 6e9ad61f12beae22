package sysv_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/shm"
)

// must ends what README.md shows at an error.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A lock that survives kill -9 of its holder, with memory beside it.
func Example_lock() {
	ctx := context.Background()

	group, _, err := lock.OpenOrCreate(ctx, 0x4d2, 1, &lock.Config{Memory: 8})
	must(err)
	counter, err := lock.View[int64](group, 0) // beside the lock, shared as it is
	must(err)
	mutex := group.Mutex(0)
	abandoned, err := mutex.Lock(ctx)
	must(err)
	if abandoned { // who had it was killed: look at what he left, and repair it
		must(mutex.Repaired())
	}
	*counter++
	must(mutex.Unlock())

	fmt.Println(*counter)
	must(errors.Join(group.Remove(), group.Close()))
	// Output: 1
}

// Records from process to process.
func Example_ring() {
	ctx := context.Background()

	jobs, _, err := ring.OpenOrCreateQueue(ctx, sysv.KeyOf("com.example.jobs"), nil)
	must(err)
	must(jobs.Send(ctx, []byte("resize 1.png"))) // in one process

	job, err := jobs.Receive(ctx) // in another
	must(err)
	fmt.Printf("%s\n", job.Bytes) // where they are, in the shared memory
	must(job.Done())              // who is killed before that has it given to another

	must(errors.Join(jobs.Remove(), jobs.Close()))
	// Output: resize 1.png
}

// A segment that a program in C has, or makes.
func Example_sharedWithC() {
	type price struct {
		Symbol   [8]byte
		Bid, Ask float64
	}
	seg, _, err := shm.OpenOrCreate(0x4d3, 24, nil) // a segment, found by its key
	must(err)
	mem, err := seg.Attach(nil)
	must(err)
	defer mem.Detach()
	p, err := shm.View[price](mem, 0) // the memory itself
	must(err)
	p.Ask = p.Bid + 0.25

	fmt.Println(p.Ask)
	must(seg.Remove())
	// Output: 0.25
}
