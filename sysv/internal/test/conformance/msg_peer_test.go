//go:build linux && !android

package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// msgPeer is a peer that has a queue. A message it words as putInQueue takes it.
var msgPeer = sysvtest.Helper("msg-peer", func([]string) error {
	var p msgPeerState
	return servePeer(p.call)
})

type msgPeerState struct{ *msg.Queue }

func (p *msgPeerState) call(verb string, args peerArgs) (answer any, err error) {
	use := func(q *msg.Queue, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		p.Queue = q
		return q.ID(), nil
	}
	got := func(m msg.Message, ok bool, err error) (any, error) {
		if err == nil && !ok {
			err = sysv.ErrWouldBlock
		}
		return inWords(m), err
	}
	data := func(from int) []byte { return []byte(strings.Join(args[from:], " ")) }
	switch verb {
	case "create":
		return use(msg.Create(args.key(0), &msg.Config{Mode: fs.FileMode(args.num(1))}))
	case "open":
		return use(msg.Open(args.key(0), nil))
	case "open-id":
		return use(msg.OpenID(args.num(0)))
	case "send":
		return nil, p.Send(forever, args.num(0), data(1))
	case "try-send":
		sent, err := p.TrySend(args.num(0), data(1))
		if err == nil && !sent {
			err = sysv.ErrWouldBlock
		}
		return nil, err
	case "receive":
		return receiveInto(forever, p.Queue, selectorOf(args[0]), 100)
	case "try-receive":
		return got(p.TryReceive(selectorOf(args[0]), make([]byte, 100)))
	case "next":
		m, err := p.Next(forever, selectorOf(args[0]))
		return inWords(m), err
	case "peek":
		return got(p.Peek(args.num(0), make([]byte, 100)))
	case "send-parcels":
		return nil, sendParcels(p.Queue, args.num(0), args.num(1), args.num(2))
	case "receive-parcels":
		return receiveParcels(p.Queue, args.num(0))
	case "stat":
		return p.Stat()
	case "max-bytes":
		stat, err := p.Stat()
		return stat.MaxBytes, err
	case "set-perm":
		return nil, p.SetPerm(uint32(args.num(0)), uint32(args.num(1)), fs.FileMode(args.num(2)))
	case "set-mode":
		return nil, p.SetMode(fs.FileMode(args.num(0)))
	case "set-max-bytes":
		return nil, p.SetMaxBytes(args.num(0))
	case "remove":
		return nil, p.Remove()
	case "list":
		return msg.List()
	case "limits":
		return msg.Limits()
	case "usage":
		return msg.Usage()
	}
	panic("the peer can't " + verb)
}

// selectorOf reads a selector: "any", "type:3", "up-to:3", "except:3".
func selectorOf(word string) msg.Selector {
	if word == "any" {
		return msg.Any
	}
	kind, number, _ := strings.Cut(word, ":")
	typ := peerArgs{number}.num(0)
	switch kind {
	case "type":
		return msg.Type(typ)
	case "up-to":
		return msg.UpTo(typ)
	case "except":
		return msg.Except(typ)
	}
	panic("no selector: " + word)
}

// newQueuePeer starts a peer that has the queue.
func newQueuePeer(t *testing.T, q *msg.Queue) peer {
	t.Helper()
	p := startPeer(t, msgPeer, nil)
	p.want(q.ID(), "open-id", q.ID())
	return p
}

// ownerOfQueue returns a peer of an ordinary user who has made a queue of this
// mode.
func ownerOfQueue(t *testing.T, mode fs.FileMode) (peer, *msg.Queue) {
	t.Helper()
	var attr *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		attr = asNobody()
	}
	p := startPeer(t, msgPeer, attr)
	q, err := msg.OpenID(askPeer[int](p, "create", sysv.Private, mode))
	kit.Must(t, err)
	removeQueueAfter(t, q)
	return p, q
}

// strangerToQueue returns a peer of a user who neither owns nor made it.
func strangerToQueue(t *testing.T, q *msg.Queue) peer {
	t.Helper()
	kit.NeedRoot(t, "can be two users")
	p := startPeer(t, msgPeer, asNobody())
	p.want(q.ID(), "open-id", q.ID())
	return p
}

// A parcel is a message that shows whether it is whole.
func parcelOf(sender, number int) []byte {
	head := fmt.Appendf(nil, "%d %d ", sender, number)
	for i := range (sender*31 + number*7) % 300 {
		head = append(head, byte(sender+number*i))
	}
	return head
}

// sendParcels sends n parcels of a type.
func sendParcels(q *msg.Queue, typ, sender, n int) error {
	for number := range n {
		if err := q.Send(forever, typ, parcelOf(sender, number)); err != nil {
			return err
		}
	}
	return nil
}

// receiveParcels receives parcels of a type until an empty message comes. It
// returns the numbers of those that came, by sender.
func receiveParcels(q *msg.Queue, typ int) (numbers map[int][]int, err error) {
	numbers = make(map[int][]int)
	for {
		m, err := q.Next(forever, msg.Type(typ))
		if err != nil {
			return nil, err
		}
		if len(m.Data) == 0 {
			return numbers, nil
		}
		var sender, number int
		if _, err := fmt.Sscanf(string(m.Data), "%d %d ", &sender, &number); err != nil {
			return nil, fmt.Errorf("%q: %w", m.Data, err)
		}
		if m.Type != typ || string(m.Data) != string(parcelOf(sender, number)) {
			return nil, errors.New("a parcel came damaged")
		}
		numbers[sender] = append(numbers[sender], number)
	}
}
