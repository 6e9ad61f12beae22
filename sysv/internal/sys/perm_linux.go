//go:build linux && !android

package sys

import "golang.org/x/sys/unix"

// permFrom widens struct ipc64_perm, whose mode and seq have 16 bits on some
// architectures and 32 on others.
func permFrom(p *unix.SysvIpcPerm) Perm {
	return Perm{
		Key:  p.Key,
		UID:  p.Uid,
		GID:  p.Gid,
		CUID: p.Cuid,
		CGID: p.Cgid,
		Mode: uint32(p.Mode),
		Seq:  uint32(p.Seq),
	}
}

func setPerm(p *unix.SysvIpcPerm, uid, gid, mode uint32) {
	p.Uid, p.Gid = uid, gid
	setMode(&p.Mode, mode)
}

// setMode hides the width of mode: generic, so that one body serves both.
func setMode[M uint16 | uint32](dst *M, mode uint32) { *dst = M(mode) }

// check turns a system call's errno into an error: nil for none, where a plain
// conversion would make a non-nil error of 0.
func check(errno Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
