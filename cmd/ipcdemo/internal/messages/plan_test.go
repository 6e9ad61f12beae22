//go:build linux && !android

package messages

import (
	"testing"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// TestShares: the shares of the producers follow one another and are all messages.
func TestShares(t *testing.T) {
	for _, p := range []plan{
		{Producers: 1, Consumers: 1, Messages: 1, Size: 8},
		{Producers: 3, Consumers: 1, Messages: 100, Size: 8},
		{Producers: 7, Consumers: 1, Messages: 5, Size: 8},
		{Producers: 999, Consumers: 1, Messages: maxMessages, Size: 8},
	} {
		next := uint32(0)
		for i := range int(p.Producers) {
			if p.first(i) != next {
				t.Errorf("%+v: the share of producer %d begins at %d, want %d", p, i, p.first(i), next)
			}
			next += p.share(i)
		}
		if next != p.Messages {
			t.Errorf("%+v: the shares are %d messages", p, next)
		}
	}
}

// TestVictims: as many are to be killed as was said, and never all producers or all
// consumers; each comes to its point, whoever has died before.
func TestVictims(t *testing.T) {
	for producers := uint32(1); producers < 6; producers++ {
		for consumers := uint32(1); consumers < 6; consumers++ {
			for kill := range producers + consumers - 1 {
				p := plan{Producers: producers, Consumers: consumers, Kill: kill, Messages: leastToKill * (producers + consumers)}
				var victims [2]uint32
				var sent, received uint32
				for i := range p.workers() {
					stop := p.stopPoint(i)
					victim := stop != children.StopPoint{}
					switch {
					case i >= int(producers):
						received += p.halfway()
						if victim {
							victims[1]++
							received++
						}
					case victim:
						victims[0]++
						sent += stop.At
					default:
						sent += p.share(i)
					}
				}
				if victims[0]+victims[1] != kill || victims[0] == producers || victims[1] == consumers {
					t.Errorf("%+v: %d are to be killed", p, victims)
				}
				if sent < received {
					t.Errorf("%+v: %d are sent, consumers need %d", p, sent, received)
				}
			}
		}
	}
}
