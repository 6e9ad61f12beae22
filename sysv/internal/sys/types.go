package sys

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
