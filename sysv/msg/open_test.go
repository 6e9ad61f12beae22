//go:build linux && !android

package msg_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

func TestOpenFindsNothing(t *testing.T) {
	key := newKey(t)
	_, err := msg.Open(key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	removed := newQueue(t)
	kit.Must(t, removed.Remove())
	there := newQueue(t).ID()
	wrapping := uint64(there) + 1<<32 // the same id to a kernel that takes 32 bits
	for _, id := range []int{-1, removed.ID(), int(wrapping)} {
		if id == there {
			continue // int has 32 bits
		}
		_, err := msg.OpenID(id)
		kit.WantHint(t, err, fs.ErrNotExist, fmt.Sprintf("no queue has id %d", id))
	}
}

func TestKeyZeroNamesNothing(t *testing.T) {
	before := len(list(t))
	_, err := msg.Open(sysv.Private, nil)
	kit.WantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, created, err := msg.OpenOrCreate(sysv.Private, nil)
	kit.WantHint(t, err, syscall.EINVAL, "IPC_PRIVATE")
	if after := len(list(t)); created || after != before {
		t.Errorf("created %v, %d queues became %d", created, before, after)
	}
}

func TestOpenOrCreate(t *testing.T) {
	key := newKey(t)
	first, created, err := msg.OpenOrCreate(key, nil)
	kit.Must(t, err)
	if !created {
		t.Error("the first did not create")
	}
	send(t, first, "1 of the first")
	before := statOf(t, first)
	second, created, err := msg.OpenOrCreate(key, &msg.Config{Mode: 0o666, MaxBytes: 5})
	kit.Must(t, err)
	if created || second.ID() != first.ID() || second.Key() != key {
		t.Errorf("the second: created %v, queue %d, key %v, want false, %d, %v", created, second.ID(), second.Key(), first.ID(), key)
	}
	if diff := cmp.Diff(before, statOf(t, second)); diff != "" {
		t.Errorf("opening changed it (-before +after):\n%s", diff)
	}
	wantLeft(t, second, "1 of the first")

	byID := openID(t, first.ID())
	if byID.Key() != key || byID.ID() != first.ID() {
		t.Errorf("OpenID: queue %d, key %v, want %d, %v", byID.ID(), byID.Key(), first.ID(), key)
	}
}

func TestOwnedBy(t *testing.T) {
	key := newKey(t)
	me, other := uint32(os.Geteuid()), uint32(os.Geteuid())+1
	q, created, err := msg.OpenOrCreate(key, &msg.Config{OwnedBy: &other})
	kit.Must(t, err)
	if !created {
		t.Error("a queue that is made here need not be owned by anybody")
	}
	open := func(uid uint32) error {
		_, err1 := msg.Open(key, &msg.OpenConfig{OwnedBy: &uid})
		_, _, err2 := msg.OpenOrCreate(key, &msg.Config{OwnedBy: &uid})
		if (err1 == nil) != (err2 == nil) {
			t.Errorf("Open: %v, OpenOrCreate: %v", err1, err2)
		}
		return err1
	}
	kit.Must(t, open(me))
	kit.WantHint(t, open(other), fs.ErrPermission, fmt.Sprintf("not by uid %d", other))

	if me == 0 { // only root has a second user to give it to
		kit.Must(t, q.SetPerm(other, other, 0o600))
		kit.WantHint(t, open(me), fs.ErrPermission, "owned by uid 1")
		kit.WantHint(t, open(other), fs.ErrPermission, "created by uid 0")
	}
}

// racer opens or creates the queue of each line's key as soon as the starting
// shot is in the queue of the argument, and prints how it went.
var racer = sysvtest.Helper("racer", func(args []string) error {
	gate, _, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		key, err := sysv.ParseKey(in.Text())
		if err != nil {
			return err
		}
		if _, err := gate.Receive(bg, msg.Any, nil); err != nil {
			return err
		}
		_, created, err := msg.OpenOrCreate(key, &msg.Config{MaxBytes: 100})
		if err != nil {
			return err
		}
		fmt.Println(created)
	}
	return nil
})

func TestOneOfManyCreates(t *testing.T) {
	const runners, rounds = 4, 30
	gate := newQueue(t)
	var field []*sysvtest.Process
	for range runners {
		field = append(field, sysvtest.Start(t, racer, fmt.Sprint(gate.ID())))
	}
	for range rounds {
		key := newKey(t)
		for _, p := range field {
			p.Send(key.String())
		}
		for range field {
			send(t, gate, "1 ")
		}
		got := make(map[string]int)
		for _, p := range field {
			got[p.Line()]++
		}
		if diff := cmp.Diff(map[string]int{"true": 1, "false": runners - 1}, got); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
	}
	for _, p := range field {
		p.Finish()
	}
}
