//go:build linux && !android

package messages

import (
	"testing"

	"example.com/sysvipc/sysv/msg"
)

// TestTypeRefused: nor is a message of another type, or one that was cut.
func TestTypeRefused(t *testing.T) {
	c := &messages{plan: &plan{Producers: 2, Consumers: 1, Messages: 9, Size: 8}}
	buf := []byte{1, 0, 0, 0, 3, 0, 0, 0}
	if !c.ofProducer(msg.Message{Type: 2, Data: buf}) {
		t.Error("a producer's is refused")
	}
	for _, m := range []msg.Message{{Type: 1, Data: buf}, {Type: 3, Data: buf}, {Type: -1, Data: buf}, {Type: 2, Data: buf, Truncated: true}, {Type: 2}} {
		if c.ofProducer(m) {
			t.Errorf("%+v was taken for a producer's", m)
		}
	}
}
