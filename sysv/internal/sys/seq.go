//go:build linux && !android && !s390x

package sys

// seqOffset is where struct ipc64_perm has seq.
const seqOffset = 24
