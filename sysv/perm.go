package sysv

import "io/fs"

// Perm is who owns an object and what others may do with it, struct ipc_perm
// of shmctl(2), semctl(2) and msgctl(2).
type Perm struct {
	// Key is the key that the object was created with. The kernel shows
	// Private for a segment that awaits its destruction.
	Key Key
	// UID and GID are the owner and its group, who may be changed. The owner,
	// the creator and a process with CAP_SYS_ADMIN may change and remove the
	// object.
	UID, GID uint32
	// CUID and CGID are the creator and its group.
	CUID, CGID uint32
	// Mode has read and write permission for owner, group and others
	// (0o600 is rw-------). To the kernel, changing a semaphore and sending a
	// message are writing, and receiving one is reading. Execute permission
	// counts for attaching a segment with Exec alone.
	Mode fs.FileMode
	// Seq is the kernel's count of how often the object's place in its table
	// was used. Lists read from /proc lack it and say 0.
	Seq uint32
}
