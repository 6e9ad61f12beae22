//go:build linux && !android

package sys

// seqOffset is where struct ipc64_perm has seq: the padding comes before it
// (arch/s390/include/uapi/asm/ipcbuf.h).
const seqOffset = 26
