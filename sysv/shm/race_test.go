//go:build linux && !android

package shm_test

import (
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

// Of processes that start at once exactly one is told to set the segment up.
func TestOneProcessCreates(t *testing.T) {
	peers := make([]peerProcess, 8)
	for i := range peers {
		peers[i] = startPeer(t, nil)
	}
	for range 25 {
		key := sysv.RandomKey()
		for _, p := range peers {
			p.Send("open-or-create " + key.String() + " 4096")
		}
		created := 0
		for _, p := range peers {
			switch reply := p.Line(); reply {
			case "ok true":
				created++
			case "ok false":
			default:
				t.Error(reply)
			}
		}
		if created != 1 {
			t.Errorf("%d processes created", created)
		}
		seg, err := shm.Open(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := seg.Remove(); err != nil {
			t.Fatal(err)
		}
	}
}

// A segment that others remove at every moment is opened or made, whichever is
// possible.
func TestOpenOrCreateAgainstRemove(t *testing.T) {
	key := sysv.RandomKey()
	remover, opener := startPeer(t, nil), startPeer(t, nil)
	const rounds = 200
	for range rounds {
		remover.Send("open-or-create " + key.String() + " 1")
		remover.Send("remove")
		opener.Send("open-or-create " + key.String() + " 1")
	}
	for range rounds {
		for _, p := range []peerProcess{remover, remover, opener} {
			if reply := p.Line(); !strings.HasPrefix(reply, "ok") {
				t.Fatal(reply)
			}
		}
	}
	if seg, err := shm.Open(key, nil); err == nil {
		removeAtEnd(t, seg)
	}
}
