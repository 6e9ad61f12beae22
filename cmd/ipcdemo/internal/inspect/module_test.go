//go:build linux && !android

package inspect

import (
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// TestModules: groups and rings, also those without a key, are found by their sets, and
// strangers are not looked into.
func TestModules(t *testing.T) {
	g, err := lock.Create(t.Context(), sysv.Private, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	defer g.Remove()
	if _, err := g.Mutex(1).Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer g.Mutex(1).Unlock()
	f, err := ring.CreateFeed(t.Context(), sysv.Private, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer f.Remove()
	key := sysv.RandomKey()
	stranger, err := shm.Create(key, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Remove()
	beside, err := sem.Create(key, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Remove()

	d := details{listing: new(listing)}
	d.modules()
	for segment, want := range map[int]string{g.ID(): "lock, 1 member, 1 of 3 held", f.ID(): "ring feed, 1 member, lossless, 0B of "} {
		if got := d.what(object{id: segment, segment: new(shm.Stat)}); !strings.HasPrefix(got, want) {
			t.Errorf("segment %d is %q, want %q", segment, got, want)
		}
	}
	if st, err := stranger.Stat(); d.there[stranger.ID()] != nil || err != nil || !st.ATime.IsZero() {
		t.Errorf("a stranger's segment was attached at %v, %v", st.ATime, err)
	}
	var out strings.Builder
	if err := d.there[g.ID()].print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"MUTEX  OWNER", "1      slot 0, "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the group is\n%s\nwant %q in it", out.String(), want)
		}
	}
}

// TestOrphan: the set of a group whose segment is gone is one that nobody needs.
func TestOrphan(t *testing.T) {
	g, err := lock.Create(t.Context(), sysv.Private, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := g.Stat()
	if err != nil {
		t.Fatal(err)
	}
	judged := func() (sure, why string) {
		j, err := newJudge(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range j.findings(ofSets) {
			if f.id == st.SetID {
				return f.sure, f.why
			}
		}
		return "", "it is not there"
	}
	if sure, why := judged(); sure != needed || !strings.Contains(why, "a member that lives") {
		t.Errorf("the set of a group with a member is %s: %s", sure, why)
	}
	seg, err := shm.OpenID(st.SegmentID)
	if err != nil {
		t.Fatal(err)
	}
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	if sure, why := judged(); sure != needed {
		t.Errorf("the set of a group whose segment goes, but has a member, is %s: %s", sure, why)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if sure, why := judged(); sure != known || !strings.Contains(why, "is gone") {
		t.Errorf("the set of a group whose segment is gone is %s: %s", sure, why)
	}
	set, err := sem.OpenID(st.SetID)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Remove(); err != nil {
		t.Fatal(err)
	}
}
