//go:build linux && !android

package sys

import "syscall"

// Errno is the kernel's error number.
type Errno = syscall.Errno

// The errors that this module tells apart.
const (
	E2BIG  = syscall.E2BIG
	EACCES = syscall.EACCES
	EAGAIN = syscall.EAGAIN
	EEXIST = syscall.EEXIST
	EFAULT = syscall.EFAULT
	EFBIG  = syscall.EFBIG
	EIDRM  = syscall.EIDRM
	EINTR  = syscall.EINTR
	EINVAL = syscall.EINVAL
	ENOENT = syscall.ENOENT
	ENOMEM = syscall.ENOMEM
	ENOMSG = syscall.ENOMSG
	ENOSPC = syscall.ENOSPC
	ENOSYS = syscall.ENOSYS
	EPERM  = syscall.EPERM
	ERANGE = syscall.ERANGE

	ETIMEDOUT = syscall.ETIMEDOUT
)
