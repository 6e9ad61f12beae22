package lock_test

import (
	"context"
	"fmt"
	"log"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

func ExampleMutex() {
	ctx := context.Background()
	g, err := lock.Create(sysv.Private, 1, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Remove()
	defer g.Close()

	m := g.Mutex(0)
	if _, err := m.Lock(ctx); err != nil {
		log.Fatal(err)
	}
	st, err := g.Stat()
	fmt.Println(st.Mutexes[0].Held, err)
	fmt.Println(m.Unlock())
	fmt.Println(m.Unlock() != nil)
	// Output:
	// true <nil>
	// <nil>
	// true
}
