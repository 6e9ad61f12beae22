package messages

import (
	"fmt"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// plan is who is to send how much. It stands at the beginning of the segment.
type plan struct {
	Producers uint32
	Consumers uint32
	Messages  uint32
	Size      uint32 // of a message, in bytes
	Through   through
	Kill      uint32 // how many of them are to be killed
	Keep      uint32 // 1 if what they go through is to stay
	_         [36]byte
}

func (p *plan) workers() int { return int(p.Producers + p.Consumers) }

// share is how many messages a producer sends, first where they begin among all.
func (p *plan) share(producer int) uint32 {
	n := p.Messages / p.Producers
	if uint32(producer) < p.Messages%p.Producers {
		n++
	}
	return n
}

func (p *plan) first(producer int) uint32 {
	i := uint32(producer)
	return i*(p.Messages/p.Producers) + min(i, p.Messages%p.Producers)
}

// victims are how many of the first producers and of the first consumers are to be
// killed: of each about half, and never all.
func (p *plan) victims() (producers, consumers uint32) {
	consumers = min((p.Kill+1)/2, p.Consumers-1)
	producers = min(p.Kill-consumers, p.Producers-1)
	return producers, p.Kill - producers
}

// stopPoint is where a slot's process stops in order to be killed: at each step in turn.
// Half of what there is to be sent is sent whoever dies, and twice as much as
// consumers receive up to there.
func (p *plan) stopPoint(i int) children.StopPoint {
	producers, consumers := p.victims()
	switch c := i - int(p.Producers); {
	case i < int(producers):
		return children.StopPoint{Step: sending + uint32(i)%2, At: p.share(i) / 2}
	case c >= 0 && c < int(consumers):
		return children.StopPoint{Step: received + uint32(c)%2, At: p.halfway()}
	}
	return children.StopPoint{}
}

// leastToKill is how many messages each process must have, for some to be killed in the
// middle.
const leastToKill = 4

// halfway is how many messages a consumer has when consumers die.
func (p *plan) halfway() uint32 { return p.Messages / (leastToKill * p.Consumers) }

// name is what a slot's process is called.
func (p *plan) name(i int) string {
	if i < int(p.Producers) {
		return fmt.Sprintf("producer %d", i)
	}
	return fmt.Sprintf("consumer %d", i-int(p.Producers))
}
