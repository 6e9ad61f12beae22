//go:build linux && !android

package msg_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
)

// Types as priorities: the lowest comes out first, and of equal ones the oldest.
func ExampleUpTo() {
	q, err := msg.Create(sysv.Private, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()

	const urgent, normal, idle = 1, 2, 3
	ctx := context.Background()
	for _, job := range []struct {
		priority int
		name     string
	}{{idle, "index"}, {normal, "first mail"}, {normal, "second mail"}, {urgent, "page"}} {
		if err := q.Send(ctx, job.priority, []byte(job.name)); err != nil {
			log.Fatal(err)
		}
	}
	for {
		m, ok, err := q.TryNext(msg.UpTo(normal)) // idle ones stay for now
		if err != nil {
			log.Fatal(err)
		}
		if !ok {
			break
		}
		fmt.Printf("%s\n", m.Data)
	}
	// Output:
	// page
	// first mail
	// second mail
}

// A server and its clients in one queue: a request has type 1 and says who asks,
// and the reply has the client's process id for its type.
func ExampleType() {
	const request = 1
	q, _, err := msg.OpenOrCreate(0x4d2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()
	ctx := context.Background()

	go func() { // the server, in another process as a rule
		m, err := q.Next(ctx, msg.Type(request))
		if err != nil {
			log.Fatal(err)
		}
		var client int
		var name string
		fmt.Sscan(string(m.Data), &client, &name)
		if err := q.Send(ctx, client, []byte("hello, "+name)); err != nil {
			log.Fatal(err)
		}
	}()

	me := os.Getpid()
	if err := q.Send(ctx, request, fmt.Appendf(nil, "%d world", me)); err != nil {
		log.Fatal(err)
	}
	m, err := q.Next(ctx, msg.Type(me))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", m.Data)
	// Output: hello, world
}

// Of a message that is too long a part may be enough.
func ExampleSelector_Truncate() {
	q, err := msg.Create(sysv.Private, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()
	ctx := context.Background()
	if err := q.Send(ctx, 1, []byte("a long story")); err != nil {
		log.Fatal(err)
	}

	buf := make([]byte, 6)
	_, err = q.Receive(ctx, msg.Any, buf)
	fmt.Println(err != nil) // it stays in the queue
	m, err := q.Receive(ctx, msg.Any.Truncate(), buf)
	fmt.Printf("%s %v %v\n", m.Data, m.Truncated, err)
	// Output:
	// true
	// a long true <nil>
}

// Looking at what is in a queue, without taking it.
func ExampleQueue_Peek() {
	q, err := msg.Create(sysv.Private, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()
	for typ, text := range []string{"zero", "one", "two"} {
		if ok, err := q.TrySend(typ+1, []byte(text)); !ok || err != nil {
			log.Fatal(ok, err)
		}
	}

	buf := make([]byte, 100)
	for i := 0; ; i++ {
		m, ok, err := q.Peek(i, buf)
		if err != nil {
			log.Fatal(err)
		}
		if !ok {
			break
		}
		fmt.Printf("%d: type %d, %s\n", i, m.Type, m.Data)
	}
	// Prints, on a kernel with CONFIG_CHECKPOINT_RESTORE:
	// 0: type 1, zero
	// 1: type 2, one
	// 2: type 3, two
}
