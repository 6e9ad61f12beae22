//go:build linux && !android

package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

// A list is the kernel's table where there is /proc, and in a bare chroot
// SHM_STAT_ANY of every index up to the one that SHM_INFO gives.
var shmListRows = []row{
	{"SHM-086", "SHM_STAT_ANY up to SHM_INFO's index finds as many segments as are in use, for any user (shmctl(2))", func(t *testing.T) {
		first, hole, last := segCreateMode(t, 0), segCreateMode(t, 0), segCreateMode(t, 0)
		segRemove(t, hole)
		p := shmUserNamespace(t)
		p.ok("chroot %s", t.TempDir())
		list, usage := shmAsk[[]shm.Stat](p, "list"), shmAsk[shm.SystemUsage](p, "usage")
		if len(list) != usage.Segments {
			t.Errorf("%d listed, %d in use", len(list), usage.Segments)
		}
		for _, seg := range []*shm.Segment{first, last} {
			if _, ok := segListed(list, seg.ID()); !ok {
				t.Errorf("segment %d is not listed", seg.ID())
			}
		}
	}},

	{"SHM-087", "SHM_INFO is the sum of the kernel's table (shmctl(2))", func(t *testing.T) {
		emulator.Pages.Skip(t)
		p := shmNamespace(t)
		for i, size := range []int{1, 3*shmPage + 1, 10 * shmPage} {
			p.ok("create %d %d", i+1, size)
			p.ok("attach")
			p.ok("write 0 x")
		}
		p.ok("write %d x", 9*shmPage)
		var sum shm.SystemUsage
		page := int64(shmPage)
		for _, st := range shmAsk[[]shm.Stat](p, "list") {
			sum.Segments++
			sum.Pages += uint64((st.Size + page - 1) / page)
			sum.Resident += uint64(st.RSS / page)
			sum.Swapped += uint64(st.Swap / page)
		}
		if sum.Resident+sum.Swapped < 4 {
			t.Errorf("4 pages were touched, the table has %+v", sum)
		}
		shmWantAnswer(p, "usage", sum)
	}},

	// The call by index is no public one: a list that passes over a free place
	// has been told EINVAL there.
	{"SHM-090", "SHM_STAT of a free place is EINVAL: here the list goes on behind it (shmctl(2))", func(t *testing.T) {
		emulator.StatAny.Skip(t)
		p := shmNamespace(t)
		p.ok("chroot %s", t.TempDir())
		p.ok("create 1 10")
		p.ok("create 2 10")
		p.ok("create 3 10")
		p.ok("open 2")
		p.ok("remove")
		var keys []sysv.Key
		for _, st := range shmAsk[[]shm.Stat](p, "list") {
			keys = append(keys, st.Key)
		}
		if diff := cmp.Diff([]sysv.Key{1, 3}, keys); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}},

	{"SHM-091", "SHM_STAT of an index returns the whole id, and what IPC_STAT says (shmctl(2))", func(t *testing.T) {
		emulator.StatAny.Skip(t)
		p := shmNamespace(t)
		p.sysctl("shm_next_id", 5<<15|3) // an id that is no index
		p.ok("chroot %s", t.TempDir())
		if id := p.num("create -7 12345"); id != 5<<15|3 {
			t.Fatalf("id %d, want %d", id, 5<<15|3)
		}
		p.ok("attach")
		shmWantAnswer(p, "list", []shm.Stat{shmAsk[shm.Stat](p, "stat")})
	}},

	// No public call takes an index, and none takes a stale id for one.
	{"SHM-092", "SHM_STAT of a place says the id that has it now: a stale one is nobody's (shmctl(2))", func(t *testing.T) {
		emulator.StatAny.Skip(t)
		p := shmNamespace(t)
		p.sysctl("shm_next_id", 5<<15|3)
		stale := p.num("create 1 10")
		p.ok("remove")
		p.sysctl("shm_next_id", 6<<15|3)
		p.ok("chroot %s", t.TempDir())
		now := p.num("create 2 20")
		list := shmAsk[[]shm.Stat](p, "list")
		if len(list) != 1 || list[0].ID != int(now) || list[0].Size != 20 || now&0x7fff != stale&0x7fff {
			t.Errorf("listed %+v, want %d in the place of %d", list, now, stale)
		}
		p.refused(syscall.ENOENT, "open-id %d", stale)
	}},

	{"SHM-093", "without read permission IPC_STAT is EACCES, and SHM_STAT_ANY and the table tell all (shmctl(2))", func(t *testing.T) {
		seg := segCreateMode(t, 0)
		want, _ := segListed(shmList(t), seg.ID())
		p := shmUserNamespace(t)
		p.ok("open-id %d", seg.ID())
		p.refused(syscall.EACCES, "stat")
		for _, from := range []string{"/proc", "SHM_STAT_ANY"} {
			if from == "SHM_STAT_ANY" {
				p.ok("chroot %s", t.TempDir())
			}
			got, ok := segListed(shmAsk[[]shm.Stat](p, "list"), seg.ID())
			// There our ids are 0, and Perm.Seq is in no table.
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(sysv.Perm{}, "UID", "GID", "CUID", "CGID", "Seq")); !ok || diff != "" {
				t.Errorf("%s: listed %v (-want +got)\n%s", from, ok, diff)
			}
		}
	}},

	{"SHM-114", "/proc/sysvipc/shm has 16 columns, the key as a signed decimal, the flags in the mode (sysvipc_shm_proc_show in ipc/shm.c)", func(t *testing.T) {
		emulator.Pages.Skip(t)
		emulator.Mode.Skip(t)
		const key = 1<<32 - 123456789
		seg := segMade(t)(shm.Create(key, 5000, &shm.Config{Mode: 0o640}))
		m := segAttach(t, seg, nil)
		m.Bytes()[0] = 1
		removed := segCreate(t, 1, nil)
		segAttach(t, removed, nil)
		segRemove(t, removed)
		segLock(t, seg)

		heading, _ := shmTable(t)
		columns := "key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap"
		if got := strings.Join(heading, " "); got != columns {
			t.Errorf("heading is %q, want %q", got, columns)
		}
		for _, tt := range []struct {
			seg        *shm.Segment
			key, perms string
		}{
			{seg, strconv.Itoa(key - 1<<32), "2640"},
			{removed, "0", "1600"},
		} {
			st, ok := segListed(shmList(t), tt.seg.ID())
			if stat := segStat(t, tt.seg); !ok || !cmp.Equal(st, stat, cmpopts.IgnoreFields(shm.Stat{}, "Perm.Seq", "RSS", "Swap")) {
				t.Errorf("listed %v as %+v, IPC_STAT says %+v", ok, st, stat)
			}
			want := strings.Fields(fmt.Sprintln(tt.key, st.ID, tt.perms, st.Size, st.CPID, st.LPID, st.Nattch,
				st.UID, st.GID, st.CUID, st.CGID, segSeconds(st.ATime), segSeconds(st.DTime), segSeconds(st.CTime), st.RSS, st.Swap))
			if diff := cmp.Diff(want, segColumns(t, tt.seg)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		if st, _ := segListed(shmList(t), seg.ID()); st.RSS < int64(shmPage) {
			t.Errorf("rss is %d after a page was touched", st.RSS)
		}
	}},
}

// segSeconds is a time as the kernel has it, 0 for never.
func segSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
