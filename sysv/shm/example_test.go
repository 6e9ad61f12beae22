//go:build linux && !android

package shm_test

import (
	"fmt"
	"log"
	"sync/atomic"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

// Two processes agree on a key and on what stands in the segment. Here both
// are this one.
func Example() {
	const key = 0x5eed_c0de
	type board struct {
		Visitors atomic.Uint32
		Prices   [4]int32
	}

	seg, err := shm.Create(key, 4096, &shm.Config{Mode: 0o660})
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Remove() // or it stays until the machine restarts
	m, err := seg.Attach(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Detach()
	ours, err := shm.View[board](m, 0)
	if err != nil {
		log.Fatal(err)
	}
	ours.Prices[2] = 250

	// The other process.
	same, err := shm.Open(key, nil)
	if err != nil {
		log.Fatal(err)
	}
	n, err := same.Attach(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer n.Detach()
	theirs, err := shm.View[board](n, 0)
	if err != nil {
		log.Fatal(err)
	}
	theirs.Visitors.Add(1)
	fmt.Println("price", theirs.Prices[2])

	fmt.Println("visitors", ours.Visitors.Load())
	// Output:
	// price 250
	// visitors 1
}

func ExampleView() {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Remove()
	m, err := seg.Attach(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Detach()

	_, err = shm.View[struct {
		ID    uint64
		Names [8]string
	}](m, 0)
	fmt.Println(err)

	_, err = shm.View[uint64](m, 4092)
	fmt.Println(err)
	// Output:
	// shm: View[struct { ID uint64; Names [8]string }]: string in field Names[] can't be shared between processes
	// shm: View[uint64]: 1 of 8 bytes each at offset 4092 do not fit into 4096 bytes
}

// A segment can be made readable to others once it is filled.
func ExampleSegment_SetMode() {
	seg, err := shm.Create(sysv.Private, 100, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Remove()

	if err := seg.SetMode(0o644); err != nil {
		log.Fatal(err)
	}
	st, err := seg.Stat()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: %d bytes, attached %d times\n", st.Mode, st.Size, st.Nattch)
	// Output: -rw-r--r--: 100 bytes, attached 0 times
}
