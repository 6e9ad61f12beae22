// Cgo is a program with C in it, whose threads C's library made. It cancels
// waits for the semaphores 0 and 1, which are 0, of the set whose id is its
// argument.
package main

/*
#include <pthread.h>

static void *nothing(void *p) { return p; }

static int thread(void) {
	pthread_t t;
	return pthread_create(&t, 0, nothing, 0) || pthread_join(t, 0);
}
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"example.com/sysvipc/sysv/sem"
)

func main() {
	if C.thread() != 0 {
		log.Fatal("no thread")
	}
	id, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	s, err := sem.OpenID(id)
	if err != nil {
		log.Fatal(err)
	}
	for range 30 {
		take := func(ctx context.Context) error { return s.Do(ctx, sem.Op{Delta: -1}) }
		for _, call := range []func(context.Context) error{take, s.Mutex(1).Lock} {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Duration(rand.IntN(int(time.Millisecond))), cancel)
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				log.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		deadline, _ := ctx.Deadline()
		if err := take(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Now().Before(deadline) {
			log.Fatal(errors.Join(err, errors.New("not at the deadline")))
		}
		cancel()
	}
	values, err := s.Values()
	fmt.Println("ok", values, err)
}
