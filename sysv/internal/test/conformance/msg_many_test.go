//go:build linux && !android

package conformance

import (
	"fmt"
	"slices"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// Many who send and receive at once.
var msgManyRows = []row{
	{"MSG-051", "of threads that receive by type each gets its messages, whoever sends", func(t *testing.T) {
		const types, each = 10, 20
		q := newQueue(t)
		kit.Must(t, q.SetMaxBytes(200)) // so that senders have to wait
		var calls []func() error
		for typ := 1; typ <= types; typ++ {
			want := fmt.Sprintf("%d for %d", typ, typ)
			calls = append(calls,
				func() error {
					for range each {
						if err := q.Send(forever, typ, fmt.Append(nil, "for ", typ)); err != nil {
							return err
						}
					}
					return nil
				},
				func() error {
					for range each {
						got, err := receiveInto(forever, q, msg.Type(typ), 20)
						if err != nil {
							return err
						}
						if got != want {
							return fmt.Errorf("got %q, want %q", got, want)
						}
					}
					return nil
				})
		}
		allAtOnce(t, calls)
		wantLeft(t, q)
	}},
	{"MSG-066", "of many processes that send and receive each message comes to one, undamaged, and those of a sender in order", func(t *testing.T) {
		const senders, parcels = 3, 200
		types := []int{1, 2, 2} // that each receiver takes
		q := newQueue(t)
		kit.Must(t, q.SetMaxBytes(2000)) // so that senders have to wait
		receiving := make([]peer, len(types))
		for i, typ := range types {
			receiving[i] = newQueuePeer(t, q)
			receiving[i].tell("receive-parcels", typ)
		}
		var sending []peer
		for sender := range senders {
			p := newQueuePeer(t, q)
			p.tell("send-parcels", 1+sender%2, sender, parcels)
			sending = append(sending, p)
		}
		for _, p := range sending {
			p.Expect(answerText(nil))
		}
		for _, typ := range types {
			kit.Must(t, q.Send(forever, typ, nil))
		}
		got := make(map[int][]int)
		for i, p := range receiving {
			for sender, numbers := range peerAnswer[map[int][]int](p) {
				if sender%2+1 != types[i] {
					t.Errorf("a receiver of type %d got what sender %d sent", types[i], sender)
				}
				if !slices.IsSorted(numbers) {
					t.Errorf("sender %d: out of order: %v", sender, numbers)
				}
				got[sender] = append(got[sender], numbers...)
			}
		}
		for sender := range senders {
			slices.Sort(got[sender])
			want := make([]int, parcels)
			for i := range want {
				want[i] = i
			}
			wantSame(t, fmt.Sprint("parcels of sender ", sender), got[sender], want)
		}
		wantLeft(t, q)
	}},
}
