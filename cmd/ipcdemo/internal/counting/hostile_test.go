//go:build linux && !android

package counting

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

// What stands in a segment under the key of a run may be anything: another
// program's data, or what somebody wrote there on purpose.

// join runs ipcdemo join, and returns what it says once it has failed as it
// should: with exit status 1 and in its own words.
func join(t *testing.T, key sysv.Key) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := ipcdemo(ctx, "join", "--key", key.String(), "--iterations", "5")
	out, err := cmd.CombinedOutput()
	said := string(out)
	if cmd.ProcessState.ExitCode() != 1 || strings.Contains(said, "goroutine") {
		t.Errorf("ipcdemo join: %v, want exit status 1 and no panic\n%s", err, said)
	}
	return said
}

func TestJoinRefusesHostileHeaders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(*board)
		says  string
	}{
		{"another magic", func(b *board) { b.Magic[6] ^= 1 }, "is not of ipcdemo"},
		{"another version", func(b *board) { b.Version++ }, "is of version 4"},
		{"a board that is not ready", func(b *board) { b.Phase.Store(unfinished) }, "is not of ipcdemo"},
		{"ones all over", func(b *board) {
			for i := range b.mapping.Bytes() {
				b.mapping.Bytes()[i] = 0xff
			}
		}, "is not of ipcdemo"},
		{"absurd numbers", func(b *board) { b.Children, b.Size = 1<<32-1, 1<<32-1 }, "has another layout"},
		{"no children", func(b *board) { b.Children, b.Size = 0, uint32(boardSize(0)) }, "has another layout"},
		{"more children than memory", func(b *board) { b.Children, b.Size = 1000, uint32(boardSize(1000)) }, "has another layout"},
		{"a lock that is no more", func(b *board) { b.Locking, b.LockSegment = uint32(lockFast), 1<<32-1 }, "the run's lock can't be used"},
		{"a number of children whose size overflows to the right one", func(b *board) { b.Children += 1 << 26 }, "has another layout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBoard(t)
			tt.write(b)
			if said := join(t, b.seg.Key()); !strings.Contains(said, tt.says) {
				t.Errorf("ipcdemo join said %q, want %q in it", said, tt.says)
			}
		})
	}
}

func TestJoinSurvivesHostileSlots(t *testing.T) {
	b := newBoard(t)
	b.Phase.Store(counting)
	if err := b.set.SetValue(semGate, 0); err != nil {
		t.Fatal(err)
	}
	for i, state := range []uint32{99, children.Present} {
		b.slots[i].State.Store(state)
		b.slots[i].Step.Store(1<<32 - 1)
		b.slots[i].Own.Store(1<<32 - 1)
	}
	said := join(t, b.seg.Key())
	for _, part := range []string{"child 1 (pid 0) died after 4294967295 increments, unknown (4294967295)", "LOST 8589934590 of 8589934595 updates"} {
		if !strings.Contains(said, part) {
			t.Errorf("ipcdemo join said\n%s\nwant %q in it", said, part)
		}
	}
}

// A large segment with nothing in it costs nothing; to look through it would.
func TestJoinDoesNotFillAHugeSegment(t *testing.T) {
	key := sysv.RandomKey()
	seg, err := shm.Create(key, boardSize(4<<20), &shm.Config{NoReserve: true})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Remove()
	if said := join(t, key); !strings.Contains(said, "is not of ipcdemo") {
		t.Errorf("ipcdemo join said %q", said)
	}
	list, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range list {
		if st.ID == seg.ID() && st.RSS > 4<<20 {
			t.Errorf("of %d bytes %d have got memory", st.Size, st.RSS)
		}
	}
}

// Random bytes are refused or reported on, in either form, and nothing else.
func TestRandomBoards(t *testing.T) {
	b := newBoard(t)
	mem := b.mapping.Bytes()
	size := b.Size
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	reported := 0
	for i := range 2000 {
		for j := range mem {
			mem[j] = byte(r.Uint32() >> (r.Uint32() % 32)) // small ones too
		}
		if i%2 == 0 {
			b.Magic, b.Version = boardMagic, boardVersion
		}
		if i%4 == 0 {
			b.Children, b.Size = 2, size
		}
		found, err := mapBoard(b.seg.Key())
		if err != nil {
			continue
		}
		found.set = b.set
		for _, asJSON := range []bool{true, false} {
			if err := term.PrintOutcome(io.Discard, found.report(0), asJSON); err != nil {
				t.Error(err)
			}
		}
		reported++
		if err := found.mapping.Detach(); err != nil {
			t.Fatal(err)
		}
	}
	if reported < 100 {
		t.Errorf("only %d of 2000 were taken for boards", reported)
	}
}
