package sysv_test

import (
	"context"
	"fmt"
	"log"

	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

func Example() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}

	seg, _, err := shm.OpenOrCreate(0x4d2, 4096, nil) // a segment, found by its key
	check(err)
	mem, err := seg.Attach(nil)
	check(err)
	defer mem.Detach()
	counter, err := shm.View[int64](mem, 0) // typed memory, shared with others
	check(err)
	set, _, err := sem.OpenOrCreate(ctx, 0x4d2, []int{1}, nil)
	check(err)
	check(set.Mutex(0).Lock(ctx)) // the kernel unlocks it if we are killed
	*counter++
	check(set.Mutex(0).Unlock())

	fmt.Println(*counter)
	check(seg.Remove())
	check(set.Remove())
	// Output: 1
}
