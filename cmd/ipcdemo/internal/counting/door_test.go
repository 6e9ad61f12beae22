//go:build linux && !android

package counting

import (
	"context"
	"strings"
	"testing"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// TestAnnounce: joiners are let in until the door is closed, as many as there
// is room for.
func TestAnnounce(t *testing.T) {
	b := newBoard(t)
	ctx := context.Background()
	for i := range maxJoiners {
		s, err := b.announce(ctx, 7)
		if err != nil {
			t.Fatal(err)
		}
		if s != &b.slots[2+i] || s.State.Load() != children.Present || s.Target.Load() != 7 {
			t.Errorf("joiner %d got slot %+v", i, s)
		}
	}
	if n, err := b.set.Value(semJoiners); n != maxJoiners || err != nil {
		t.Errorf("%d joiners are waited for, %v; want %d", n, err, maxJoiners)
	}
	if _, err := b.announce(ctx, 7); err == nil || !strings.Contains(err.Error(), "has 16 joiners already") {
		t.Errorf("one too many: %v", err)
	}
	b.slots[2].State.Store(children.Free)
	b.Phase.Store(closed)
	if _, err := b.announce(ctx, 7); err == nil || !strings.Contains(err.Error(), "too late") {
		t.Errorf("after the door was closed: %v", err)
	}
}
