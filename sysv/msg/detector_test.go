//go:build linux && !android

package msg_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// With -race these show that the race detector is told of the order that messages
// bring: each of two goroutines has a handle of its own, so that they share nothing
// that Go knows of.

var receives = map[string]func(context.Context, *msg.Queue, []byte) (bool, error){
	"Receive": func(ctx context.Context, q *msg.Queue, buf []byte) (bool, error) {
		_, err := q.Receive(ctx, msg.Any, buf)
		return true, err
	},
	"TryReceive": func(_ context.Context, q *msg.Queue, buf []byte) (bool, error) {
		_, ok, err := q.TryReceive(msg.Any, buf)
		return ok, err
	},
	"Next": func(ctx context.Context, q *msg.Queue, _ []byte) (bool, error) {
		_, err := q.Next(ctx, msg.Any)
		return true, err
	},
	"TryNext": func(_ context.Context, q *msg.Queue, _ []byte) (bool, error) {
		_, ok, err := q.TryNext(msg.Any)
		return ok, err
	},
}

var sends = map[string]func(context.Context, *msg.Queue, []byte) (bool, error){
	"Send":    func(ctx context.Context, q *msg.Queue, data []byte) (bool, error) { return true, q.Send(ctx, 1, data) },
	"TrySend": func(_ context.Context, q *msg.Queue, data []byte) (bool, error) { return q.TrySend(1, data) },
}

// A queue with one message is a lock: who has received it has the lock.
func TestMessagesAreOrderedForTheRaceDetector(t *testing.T) {
	must := func(ok bool, err error) {
		if !ok || err != nil {
			t.Error(ok, err)
		}
	}
	for r, receive := range receives {
		for s, send := range sends {
			for _, length := range []int{1, 1000} {
				t.Run(fmt.Sprintf("%s, %s, %d bytes", r, s, length), func(t *testing.T) {
					ctx := kit.Patient(t)
					a := newQueue(t)
					b := openID(t, a.ID())
					must(true, a.Send(bg, 1, make([]byte, length)))
					turn := func(q *msg.Queue) func() func() {
						buf := make([]byte, length)
						return func() func() {
							ok, err := receive(ctx, q, buf)
							if err != nil {
								t.Error(err)
							}
							if !ok {
								return nil
							}
							return func() { must(send(ctx, q, buf)) }
						}
					}
					kit.Turns(t, turn(a), turn(b))
				})
			}
		}
	}
}

// A queue that holds one message is a lock: who has sent one has the lock.
func TestRoomIsOrderedForTheRaceDetector(t *testing.T) {
	for r, receive := range receives {
		for s, send := range sends {
			t.Run(r+", "+s, func(t *testing.T) {
				ctx := kit.Patient(t)
				a := newQueue(t)
				kit.Must(t, a.SetMaxBytes(10))
				b := openID(t, a.ID())
				turn := func(q *msg.Queue) func() func() {
					buf := make([]byte, 10)
					return func() func() {
						ok, err := send(ctx, q, buf)
						if err != nil {
							t.Error(err)
						}
						if !ok {
							return nil
						}
						return func() {
							if ok, err := receive(ctx, q, buf); !ok || err != nil {
								t.Error(ok, err)
							}
						}
					}
				}
				kit.Turns(t, turn(a), turn(b))
			})
		}
	}
}

// One goroutine does something once, and another sees that it has.
func TestWhatIsSeenIsOrderedForTheRaceDetector(t *testing.T) {
	for name, tt := range map[string]struct {
		act func(*msg.Queue) error
		see func(*testing.T, *msg.Queue)
	}{
		"Peek": {
			func(q *msg.Queue) error { return q.Send(bg, 1, nil) },
			func(t *testing.T, q *msg.Queue) {
				kit.Eventually(t, "a message", func() bool {
					_, ok, err := q.Peek(0, nil)
					kit.Must(t, err)
					return ok
				})
			},
		},
		"Remove": {
			(*msg.Queue).Remove,
			func(t *testing.T, q *msg.Queue) {
				if _, err := q.Receive(bg, msg.Any, nil); !errors.Is(err, sysv.ErrRemoved) {
					t.Errorf("Receive = %v, want ErrRemoved", err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newQueue(t)
			b := openID(t, a.ID())
			kit.WantOrder(t, func() error { return tt.act(a) }, func() { tt.see(t, b) })
		})
	}
}

// reckless counts before one message and after another, which orders nothing.
var reckless = sysvtest.Helper("reckless", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	count := 0
	var wg sync.WaitGroup
	send := func() {
		q, err := msg.OpenID(id)
		if err == nil {
			err = q.Send(bg, 1, nil)
		}
		if err != nil {
			panic(err)
		}
	}
	wg.Go(func() {
		count++
		send()
	})
	wg.Go(func() {
		time.Sleep(50 * time.Millisecond)
		send()
		count++
	})
	wg.Wait()
	return nil
})

func TestSendersHideNoRace(t *testing.T) {
	q := newQueue(t)
	kit.WantRace(t, sysvtest.Command(reckless, strconv.Itoa(q.ID())))
}
