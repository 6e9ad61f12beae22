//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// privateMaker makes a ring without a key, and says its id.
var privateMaker = sysvtest.Helper("private maker", func(args []string) error {
	l, err := CreateLatest(bg, sysv.Private, 8, &Config{Ephemeral: args[0] == "ephemeral"})
	if err != nil {
		return err
	}
	fmt.Println(l.ID())
	os.Stdin.Read(make([]byte, 1))
	return nil
})

// What is left of an ephemeral ring without a key goes when another is made, and neither
// one that lives, nor one that is to stay, nor what is no ring.
func TestOrphansAreRemoved(t *testing.T) {
	make := func(how string) (p *sysvtest.Process, st lock.Stat) {
		p = sysvtest.Start(t, privateMaker, how)
		id, err := strconv.Atoi(p.Line())
		kit.Must(t, err)
		st, err = lock.Inspect(id, nil)
		kit.Must(t, err)
		return p, st
	}
	there := func(st lock.Stat) bool {
		t.Helper()
		_, err := shm.OpenID(st.SegmentID)
		_, err2 := sem.OpenID(st.SetID)
		if (err == nil) != (err2 == nil) {
			t.Errorf("only half of it is there: %v, %v", err, err2)
		}
		return err == nil
	}
	lives, living := make("ephemeral")
	first, orphan := make("ephemeral")
	first.Kill()
	if !there(orphan) {
		t.Fatal("it went with its last member, which was killed")
	}
	keeper, kept := make("to stay")
	keeper.Kill()
	defer removeBoth(kept)
	stranger, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	defer func() { kit.Must(t, stranger.Remove()) }()

	l, err := CreateLatest(bg, sysv.Private, 8, nil)
	kit.Must(t, err)
	kit.Must(t, l.Remove())
	kit.Must(t, l.Close())
	if !there(orphan) {
		t.Error("it went when a ring was made that is to stay")
	}
	q, err := CreateQueue(bg, sysv.Private, &Config{Ephemeral: true})
	kit.Must(t, err)
	kit.Must(t, q.Close())
	if there(orphan) {
		t.Error("an orphan is there still")
	}
	if !there(living) || !there(kept) {
		t.Error("one was removed that lives, or is to stay")
	}
	if _, err := shm.OpenID(stranger.ID()); err != nil {
		t.Errorf("a stranger's segment: %v", err)
	}
	lives.Kill()
	l, err = CreateLatest(bg, sysv.Private, 8, &Config{Ephemeral: true})
	kit.Must(t, err)
	kit.Must(t, l.Close())
	if there(living) {
		t.Error("the other is there still, though it was killed")
	}
}
