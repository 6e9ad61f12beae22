//go:build linux && !android

package proc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// The table and IPC_STAT are two ways to ask the kernel the same. That they
// agree also shows that the struct layouts of this architecture are right.

func TestSegmentsAgreeWithStat(t *testing.T) {
	emulator.Mode.Skip(t)
	// Odd numbers and a negative key, so that no field can pass for another.
	key := int32(sysv.RandomKey()) | -1<<31
	id, err := sys.Shmget(key, 12345, sys.IPC_CREAT|sys.IPC_EXCL|0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Shmctl(id, sys.IPC_RMID) })
	for range 3 {
		addr, err := sys.Shmat(id, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sys.Shmdt(addr) })
		*(*byte)(addr) = 1
	}

	want, err := sys.ShmStat(id)
	if err != nil {
		t.Fatal(err)
	}
	if want.Key != key || want.Size != 12345 || want.Nattch != 3 || want.Mode != 0o640 || want.ATime == 0 || want.CTime == 0 {
		t.Errorf("IPC_STAT says %+v", want)
	}
	want.Seq = 0 // not in the table

	table, err := proc.Segments(func(line proc.Shm) proc.Shm { return line })
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range table {
		if got.ID != id {
			continue
		}
		if diff := cmp.Diff(want, got.Shm); diff != "" {
			t.Errorf("(-IPC_STAT +table)\n%s", diff)
		}
		if got.RSS == 0 {
			t.Error("RSS is 0 with a page touched")
		}
		return
	}
	t.Errorf("segment %d is not in the table", id)
}

func TestSetsAgreeWithStat(t *testing.T) {
	emulator.Mode.Skip(t)
	key := int32(sysv.RandomKey()) | -1<<31
	id, err := sys.Semget(key, 17, sys.IPC_CREAT|sys.IPC_EXCL|0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Semctl(id, 0, sys.IPC_RMID) })
	if errno := sys.SemopNoWait(id, []sys.Sembuf{{Num: 16, Op: 1, Flg: sys.IPC_NOWAIT}}); errno != 0 {
		t.Fatal(errno)
	}

	want, err := sys.SemStat(id)
	if err != nil {
		t.Fatal(err)
	}
	if want.Key != key || want.Nsems != 17 || want.Mode != 0o640 || want.OTime == 0 || want.CTime == 0 {
		t.Errorf("IPC_STAT says %+v", want)
	}
	want.Seq = 0

	table, err := proc.Sets(func(line proc.Sem) proc.Sem { return line })
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range table {
		if got.ID != id {
			continue
		}
		if diff := cmp.Diff(want, got.Sem); diff != "" {
			t.Errorf("(-IPC_STAT +table)\n%s", diff)
		}
		return
	}
	t.Errorf("set %d is not in the table", id)
}

func TestQueuesAgreeWithStat(t *testing.T) {
	emulator.Mode.Skip(t)
	emulator.Queues.Skip(t)
	key := int32(sysv.RandomKey()) | -1<<31
	id, err := sys.Msgget(key, sys.IPC_CREAT|sys.IPC_EXCL|0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.MsgRemove(id) })
	m := sys.NewMsgbuf(100)
	m[0] = 7
	for _, n := range []int{100, 17, 0} {
		if errno := sys.MsgsndNoWait(id, m, n); errno != 0 {
			t.Fatal(errno)
		}
	}
	if n, errno := sys.MsgrcvNoWait(id, m, 100, 0, 0); n != 100 || errno != 0 {
		t.Fatal(n, errno)
	}

	want, err := sys.MsgStat(id)
	if err != nil {
		t.Fatal(err)
	}
	if want.Key != key || want.Mode != 0o640 || want.CBytes != 17 || want.QNum != 2 || want.QBytes == 0 ||
		want.LSPID == 0 || want.LRPID == 0 || want.STime == 0 || want.RTime == 0 || want.CTime == 0 {
		t.Errorf("IPC_STAT says %+v", want)
	}
	want.Seq, want.QBytes = 0, 0 // not in the table

	table, err := proc.Queues(func(line proc.Msg) proc.Msg { return line })
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range table {
		if got.ID != id {
			continue
		}
		if diff := cmp.Diff(want, got.Msg); diff != "" {
			t.Errorf("(-IPC_STAT +table)\n%s", diff)
		}
		return
	}
	t.Errorf("queue %d is not in the table", id)
}

func TestSysctl(t *testing.T) {
	for name, n := range map[string]int{"shmmax": 1, "shmall": 1, "shmmni": 1, "sem": 4, "msgmax": 1, "msgmnb": 1, "msgmni": 1} {
		vals, err := proc.Sysctl(name)
		if err != nil || len(vals) != n {
			t.Errorf("%s: %v, %v, want %d numbers", name, vals, err, n)
		}
	}
}
