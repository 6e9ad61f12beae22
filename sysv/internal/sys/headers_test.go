//go:build linux && !android

package sys

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// headers says per GOARCH for what clang compiles, and which directory of /usr
// has the kernel's headers. No Debian 12 package has them for loong64; there as
// on riscv64 they are the generic ones.
var headers = map[string]struct{ target, dir, pkg string }{
	"386":      {"i386-linux-gnu", "include/x86_64-linux-gnu", "linux-libc-dev"},
	"amd64":    {"x86_64-linux-gnu", "include/x86_64-linux-gnu", "linux-libc-dev"},
	"arm":      {"armv7-linux-gnueabihf", "arm-linux-gnueabihf/include", "linux-libc-dev-armhf-cross"},
	"arm64":    {"aarch64-linux-gnu", "aarch64-linux-gnu/include", "linux-libc-dev-arm64-cross"},
	"loong64":  {"riscv64-linux-gnu", "riscv64-linux-gnu/include", "linux-libc-dev-riscv64-cross"},
	"mips":     {"mips-linux-gnu", "mips-linux-gnu/include", "linux-libc-dev-mips-cross"},
	"mipsle":   {"mipsel-linux-gnu", "mipsel-linux-gnu/include", "linux-libc-dev-mipsel-cross"},
	"mips64":   {"mips64-linux-gnuabi64", "mips64-linux-gnuabi64/include", "linux-libc-dev-mips64-cross"},
	"mips64le": {"mips64el-linux-gnuabi64", "mips64el-linux-gnuabi64/include", "linux-libc-dev-mips64el-cross"},
	"ppc64":    {"powerpc64-linux-gnu", "powerpc64-linux-gnu/include", "linux-libc-dev-ppc64-cross"},
	"ppc64le":  {"powerpc64le-linux-gnu", "powerpc64le-linux-gnu/include", "linux-libc-dev-ppc64el-cross"},
	"riscv64":  {"riscv64-linux-gnu", "riscv64-linux-gnu/include", "linux-libc-dev-riscv64-cross"},
	"s390x":    {"s390x-linux-gnu", "s390x-linux-gnu/include", "linux-libc-dev-s390x-cross"},
}

// cNames gives the fields of our structs their names in the kernel's.
var cNames = map[string]string{
	"Key": "key", "Uid": "uid", "Gid": "gid", "Cuid": "cuid", "Cgid": "cgid", "Mode": "mode", "Seq": "seq",

	"OTime": "sem_otime", "OTimeHigh": "sem_otime_high",
	"CTime": "sem_ctime", "CTimeHigh": "sem_ctime_high", "Nsems": "sem_nsems",

	"Segsz": "shm_segsz", "Cpid": "shm_cpid", "Lpid": "shm_lpid", "Nattch": "shm_nattch",
	"Atime": "shm_atime", "Dtime": "shm_dtime", "Ctime": "shm_ctime",
	"Atime_high": "shm_atime_high", "Dtime_high": "shm_dtime_high", "Ctime_high": "shm_ctime_high",

	"Num": "sem_num", "Op": "sem_op", "Flg": "sem_flg",

	"Map": "semmap", "MNI": "semmni", "MNS": "semmns", "MNU": "semmnu", "MSL": "semmsl",
	"OPM": "semopm", "UME": "semume", "USZ": "semusz", "VMX": "semvmx", "AEM": "semaem",
}

// msgNames are those of a queue's and of msginfo's, which have short names in
// common with the others.
var msgNames = map[string]string{
	"STime": "msg_stime", "STimeHigh": "msg_stime_high",
	"RTime": "msg_rtime", "RTimeHigh": "msg_rtime_high",
	"CTime": "msg_ctime", "CTimeHigh": "msg_ctime_high",
	"CBytes": "msg_cbytes", "QNum": "msg_qnum", "QBytes": "msg_qbytes",
	"LSPID": "msg_lspid", "LRPID": "msg_lrpid",

	"Pool": "msgpool", "Map": "msgmap", "Max": "msgmax", "MNB": "msgmnb", "MNI": "msgmni",
	"SSZ": "msgssz", "TQL": "msgtql", "Seg": "msgseg",
}

var (
	limitNames = map[string]string{"Max": "shmmax", "Min": "shmmin", "MNI": "shmmni", "Seg": "shmseg", "All": "shmall"}
	usageNames = map[string]string{"Segments": "used_ids", "Total": "shm_tot", "RSS": "shm_rss", "Swapped": "shm_swp"}
)

// constants are those of const.go, and what the architectures have for their own.
var constants = map[string]uintptr{
	"IPC_PRIVATE": IPC_PRIVATE, "IPC_CREAT": IPC_CREAT, "IPC_EXCL": IPC_EXCL, "IPC_NOWAIT": IPC_NOWAIT,
	"IPC_RMID": IPC_RMID, "IPC_SET": IPC_SET, "IPC_STAT": IPC_STAT, "IPC_INFO": IPC_INFO,

	"SHM_HUGETLB": SHM_HUGETLB, "SHM_NORESERVE": SHM_NORESERVE, "SHM_HUGE_SHIFT": SHM_HUGE_SHIFT,
	"SHM_RDONLY": SHM_RDONLY, "SHM_RND": SHM_RND, "SHM_REMAP": SHM_REMAP, "SHM_EXEC": SHM_EXEC,
	"SHM_LOCK": SHM_LOCK, "SHM_UNLOCK": SHM_UNLOCK, "SHM_INFO": SHM_INFO, "SHM_STAT_ANY": SHM_STAT_ANY,

	"SEM_UNDO": SEM_UNDO, "SEM_INFO": SEM_INFO, "SEM_STAT_ANY": SEM_STAT_ANY, "SEMVMX": SEMVMX,
	"GETPID": GETPID, "GETVAL": GETVAL, "GETALL": GETALL, "GETNCNT": GETNCNT, "GETZCNT": GETZCNT,
	"SETVAL": SETVAL, "SETALL": SETALL,

	"MSG_NOERROR": MSG_NOERROR, "MSG_EXCEPT": MSG_EXCEPT, "MSG_COPY": MSG_COPY,
	"MSG_INFO": MSG_INFO, "MSG_STAT_ANY": MSG_STAT_ANY,

	"FUTEX_WAIT_BITSET": futexWaitBitset, "FUTEX_WAKE_BITSET": futexWakeBitset,

	"__NR_shmget": unix.SYS_SHMGET, "__NR_shmat": unix.SYS_SHMAT, "__NR_shmdt": unix.SYS_SHMDT, "__NR_shmctl": unix.SYS_SHMCTL,
	"__NR_semget": unix.SYS_SEMGET, "__NR_semctl": unix.SYS_SEMCTL,
	"__NR_msgget": unix.SYS_MSGGET, "__NR_msgsnd": unix.SYS_MSGSND, "__NR_msgrcv": unix.SYS_MSGRCV, "__NR_msgctl": unix.SYS_MSGCTL,

	"sizeof(long)": unsafe.Sizeof(Msgbuf{}[0]), "__builtin_offsetof(struct msgbuf, mtext)": unsafe.Sizeof(Msgbuf{}[0]),
}

// Every number and layout is the one that the kernel's headers have for this
// architecture. A struct's upper halves of times are there or not in both.
func TestKernelHeadersAgree(t *testing.T) {
	var c strings.Builder
	claim := func(expr string, want uintptr) {
		fmt.Fprintf(&c, "_Static_assert(%s == %d, \"Go has %d for it\");\n", expr, want, want)
	}
	layout := func(name string, v any, names map[string]string) {
		typ := reflect.TypeOf(v)
		claim("sizeof(struct "+name+")", typ.Size())
		for f := range typ.Fields() {
			if f.Name == "_" || f.Type.Kind() == reflect.Struct {
				continue
			}
			if names[f.Name] == "" {
				t.Fatalf("no C name is known for %v.%s", typ, f.Name)
			}
			claim(fmt.Sprintf("__builtin_offsetof(struct %s, %s)", name, names[f.Name]), f.Offset)
			claim(fmt.Sprintf("sizeof(((struct %s *)0)->%s)", name, names[f.Name]), f.Type.Size())
		}
	}
	c.WriteString("#include <linux/sem.h>\n#include <linux/shm.h>\n#include <linux/msg.h>\n#include <linux/futex.h>\n#include <linux/time_types.h>\n#include <asm/unistd.h>\n")
	for name, value := range constants {
		claim(name, value)
	}
	layout("ipc64_perm", unix.SysvIpcPerm{}, cNames)
	layout("semid64_ds", semidDS{}, cNames)
	layout("shmid64_ds", unix.SysvShmDesc{}, cNames)
	layout("msqid64_ds", msqidDS{}, msgNames)
	layout("msginfo", MsgInfo{}, msgNames)
	layout("sembuf", Sembuf{}, cNames)
	layout("seminfo", SemInfo{}, cNames)
	claim("sizeof(struct shminfo64)", unsafe.Sizeof(shminfo64{}))
	claim("sizeof(struct shm_info)", unsafe.Sizeof(shmInfo{}))
	for f := range reflect.TypeFor[ShmLimits]().Fields() {
		claim("__builtin_offsetof(struct shminfo64, "+limitNames[f.Name]+")", f.Offset)
	}
	for f := range reflect.TypeFor[ShmUsage]().Fields() {
		claim("__builtin_offsetof(struct shm_info, "+usageNames[f.Name]+")", f.Offset)
	}
	if word == 4 && unsafe.Sizeof(timespec{}) == 16 {
		claim("__NR_semtimedop_time64", sysSemtimedop)
		claim("__NR_futex_time64", sysFutex)
		claim("sizeof(struct __kernel_timespec)", unsafe.Sizeof(timespec{}))
	} else {
		claim("__NR_semtimedop", sysSemtimedop)
		claim("__NR_futex", sysFutex)
		claim("sizeof(struct __kernel_old_timespec)", unsafe.Sizeof(timespec{}))
	}
	compile(t, c.String())
}

// compile has a C compiler check a program against the headers of GOARCH.
func compile(t *testing.T, program string) {
	h, ok := headers[runtime.GOARCH]
	if !ok {
		t.Fatalf("which headers are those of %s?", runtime.GOARCH)
	}
	dir := filepath.Join("/usr", h.dir)
	_, err := exec.LookPath("clang")
	if _, missing := os.Stat(dir + "/asm/shmbuf.h"); err != nil || missing != nil {
		t.Skipf("skipping: no clang or no headers of the kernel for %s: apt-get install clang %s", runtime.GOARCH, h.pkg)
	}
	// <linux/shm.h> wants getpagesize of a C library that is not there.
	stub := t.TempDir()
	if err := os.WriteFile(stub+"/unistd.h", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("clang", "--target="+h.target, "-fsyntax-only", "-ferror-limit=0",
		"-nostdinc", "-I", stub, "-I", dir, "-I", "/usr/include", "-x", "c", "-")
	cmd.Stdin = strings.NewReader(program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
