package bench

import (
	"context"
	"errors"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
)

// through is what records go through.
type through string

const (
	messages through = "messages"
	records  through = "ring"
)

// pipe is one of them.
type pipe interface {
	ID() int
	Remove() error
	send(ctx context.Context, data []byte) error
	receive(ctx context.Context, buf []byte) error // to the last byte
}

type messagePipe struct{ *msg.Queue }

func (p messagePipe) send(ctx context.Context, data []byte) error { return p.Send(ctx, 1, data) }

func (p messagePipe) receive(ctx context.Context, buf []byte) error {
	_, err := p.Receive(ctx, msg.Any, buf)
	return err
}

type ringPipe struct{ *ring.Queue }

func (p ringPipe) send(ctx context.Context, data []byte) error { return p.Send(ctx, data) }

func (p ringPipe) receive(ctx context.Context, buf []byte) error {
	_, err := p.Next(ctx, buf[:0])
	return err
}

func (p ringPipe) Remove() error { return errors.Join(p.Queue.Remove(), p.Close()) }

func createPipe(ctx context.Context, what through) (pipe, error) {
	if what == records {
		q, err := ring.CreateQueue(ctx, sysv.Private, nil)
		return ringPipe{q}, err
	}
	q, err := msg.Create(sysv.Private, nil)
	return messagePipe{q}, err
}

func openPipe(ctx context.Context, what through, id int) (pipe, error) {
	if what == records {
		q, err := ring.OpenQueueID(ctx, id, nil)
		return ringPipe{q}, err
	}
	q, err := msg.OpenID(id)
	return messagePipe{q}, err
}
