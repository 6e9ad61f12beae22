package sys

import "unsafe"

// Perm is struct ipc64_perm.
type Perm struct {
	Key        int32
	UID, GID   uint32
	CUID, CGID uint32
	Mode       uint32 // permissions, and for segments SHM_DEST and SHM_LOCKED
	Seq        uint32
}

// Shm is struct shmid64_ds. Times are seconds since 1970, 0 for never.
type Shm struct {
	Perm
	Size                uint64
	ATime, DTime, CTime int64
	CPID, LPID          int32
	Nattch              uint64
}

// Sem is struct semid64_ds. Times are seconds since 1970, 0 for never.
type Sem struct {
	Perm
	OTime, CTime int64
	Nsems        uint64
}

// ShmLimits is what IPC_INFO tells about segments (struct shminfo64). A 32-bit
// process on a 64-bit kernel is told less than the truth: the kernel clamps
// Max and cuts All.
type ShmLimits struct {
	Max, Min, MNI, Seg, All uint
}

// ShmUsage is what SHM_INFO tells (struct shm_info); the last three are pages.
type ShmUsage struct {
	Segments            int32
	Total, RSS, Swapped uint
}

// SemInfo is struct seminfo, which IPC_INFO and SEM_INFO fill; after SEM_INFO
// USZ is the number of sets and AEM that of semaphores.
type SemInfo struct {
	Map, MNI, MNS, MNU, MSL, OPM, UME, USZ, VMX, AEM int32
}

// Sembuf is struct sembuf.
type Sembuf struct {
	Num uint16
	Op  int16
	Flg int16
}

// Msg is struct msqid64_ds. Times are seconds since 1970, 0 for never.
type Msg struct {
	Perm
	STime, RTime, CTime int64
	CBytes, QNum        uint64
	QBytes              uint64
	LSPID, LRPID        int32
}

// MsgInfo is struct msginfo, which IPC_INFO and MSG_INFO fill; after MSG_INFO
// Pool is the number of queues, Map that of messages and TQL that of bytes in
// them, at most MaxInt32 each.
type MsgInfo struct {
	Pool, Map, Max, MNB, MNI, SSZ, TQL int32
	Seg                                uint16
}

// Msgbuf is struct msgbuf: the type of a message, then its bytes. It consists of
// C's longs, which Go's int is as wide as wherever there is Linux, to be aligned
// as one.
type Msgbuf []int

// LongSize is the size of C's long, in bytes.
const LongSize = int(unsafe.Sizeof(int(0)))

// NewMsgbuf returns a Msgbuf that has room for n bytes.
func NewMsgbuf(n int) Msgbuf { return make(Msgbuf, 1+(n+LongSize-1)/LongSize) }

// Bytes returns what comes after the type.
func (b Msgbuf) Bytes() []byte {
	longs := b[1:]
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(longs))), len(longs)*LongSize)
}
