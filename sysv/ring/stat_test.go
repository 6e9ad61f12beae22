//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"os"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// wantQueueStat checks what Stat says to a member and InspectQueue to others.
func wantQueueStat(t *testing.T, q *Queue, want QueueStat) {
	t.Helper()
	want.Key, want.SegmentID = q.Key(), q.ID()
	want.Processes, want.Size, want.AsideSize, want.Attempts, want.MostLeases = defaultProcesses, 512, 512, testLimit, defaultLeases
	ignore := cmpopts.IgnoreFields(QueueStat{}, "SetID", "Members", "ConsumersWait", "ProducersWait")
	st, err := q.Stat()
	kit.Must(t, err)
	if diff := cmp.Diff(want, st, ignore); diff != "" {
		t.Errorf("Stat (-want +got):\n%s", diff)
	}
	st, err = InspectQueue(q.ID())
	kit.Must(t, err)
	if diff := cmp.Diff(want, st, ignore); diff != "" {
		t.Errorf("InspectQueue (-want +got):\n%s", diff)
	}
}

func TestQueueStat(t *testing.T) {
	ids, q := newQueue(t, 64)
	wantQueueStat(t, q, QueueStat{})
	send(t, q, "1", "2", "3") // two units each
	sent := []int{0}
	wantQueueStat(t, q, QueueStat{Producers: sent, Unread: 3, Used: 48})
	w, err := q.Reserve(bg, 1)
	kit.Must(t, err)
	wantQueueStat(t, q, QueueStat{Producers: sent, Unread: 4, Reserved: 1, Used: 64})
	kit.Must(t, w.Discard())
	wantQueueStat(t, q, QueueStat{Producers: sent, Unread: 3, Used: 64})

	p := sysvtest.Start(t, lessee, ids[0])
	p.Expect("1")
	held := []Lease{{Slot: 1, PID: p.Process.Pid, Records: 3, Delivered: 1}}
	st, err := q.Stat()
	kit.Must(t, err)
	if len(st.Leases) != 1 || st.Leases[0].Records < 2 {
		t.Fatalf("leases %+v", st.Leases)
	}
	held[0].Records = st.Leases[0].Records // of one claim, which may be a part of what is there
	wantQueueStat(t, q, QueueStat{Producers: sent, Unread: st.Unread, Used: 64, Leases: held})
	p.Kill()
	held[0].PID, held[0].Dead = 0, true
	wantQueueStat(t, q, QueueStat{Producers: sent, Unread: st.Unread, Used: 64, Leases: held})

	kit.Must(t, receive(t, q, "2", 0).Done())
	kit.Must(t, receive(t, q, "3", 0).Done())
	kit.Must(t, receive(t, q, "1", 1).Requeue(bg))
	st, err = q.Stat()
	kit.Must(t, err)
	if diff := cmp.Diff([]Lease{{Slot: -1, Records: 1, Attempts: 2}}, st.Leases); diff != "" {
		t.Errorf("leases (-want +got):\n%s", diff)
	}
	kit.Must(t, receive(t, q, "1", 2).Requeue(bg))
	nothingLeft(t, q) // it is set aside
	kit.Must(t, q.Finish())
	wantQueueStat(t, q, QueueStat{Finished: true, Aside: 1, AsideUsed: 16})
}

// To inspect takes the permission to read, and no more.
func TestInspectByOthers(t *testing.T) {
	emulator.Mode.Skip(t)
	q, err := CreateQueue(bg, newKey(t), &Config{Mode: 0o644, Processes: 1, Size: 512})
	kit.Must(t, err)
	endQueue(t, q)
	send(t, q, "1")
	cmd := sysvtest.Command(inspector, q.groupID())
	if os.Geteuid() == 0 { // who can be two users
		cmd = kit.Ordinary(cmd)
	}
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("1 unread, 1 member")
	p.Finish()
}

var inspector = sysvtest.Helper("inspector", func(args []string) error {
	id, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	st, err := InspectQueue(id[0])
	if err == nil {
		fmt.Printf("%d unread, %d member\n", st.Unread, len(st.Members))
	}
	return err
})
