//go:build !linux || android

package sys

import (
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// errUnsupported is what every call returns where there is no System V IPC
// that this module speaks.
var errUnsupported = fmt.Errorf("System V IPC of Linux: %w", errors.ErrUnsupported)

// Supported returns the error of every call here.
func Supported() error { return errUnsupported }

// Errno stands for the kernel's error number in comparisons; nothing here
// ever returns one.
type Errno uintptr

const (
	_ Errno = iota
	E2BIG
	EACCES
	EAGAIN
	EEXIST
	EFAULT
	EFBIG
	EIDRM
	EINTR
	EINVAL
	ENOENT
	ENOMEM
	ENOMSG
	ENOSPC
	ENOSYS
	EPERM
	ERANGE
	ETIMEDOUT
)

func (e Errno) Error() string {
	switch e {
	case EIDRM:
		return "identifier removed"
	case EINVAL:
		return "invalid argument"
	}
	return fmt.Sprintf("errno %d of Linux", uintptr(e))
}

func FileID(string) (dev, ino uint64, err error) { return 0, 0, errUnsupported }

func Thread() int         { return 0 }
func Interrupt(int) error { return errUnsupported }
func Interruptible() bool { return false }

func FutexWait(*uint32, uint32, uint32, time.Duration) error { return errUnsupported }
func FutexWake(*uint32, int, uint32) (int, error)            { return 0, errUnsupported }
func Monotonic() (time.Duration, error)                      { return 0, errUnsupported }

func Shmget(int32, int, int) (int, error)                        { return 0, errUnsupported }
func Shmat(int, uintptr, int) (unsafe.Pointer, error)            { return nil, errUnsupported }
func Shmdt(unsafe.Pointer) error                                 { return errUnsupported }
func Inherit([]byte, bool) error                                 { return errUnsupported }
func ShmStat(int) (Shm, error)                                   { return Shm{}, errUnsupported }
func ShmStatAny(int) (int, Shm, error)                           { return 0, Shm{}, errUnsupported }
func ShmSet(int, uint32, uint32, uint32) error                   { return errUnsupported }
func Shmctl(int, int) error                                      { return errUnsupported }
func ShmLimitsInfo() (ShmLimits, error)                          { return ShmLimits{}, errUnsupported }
func ShmUsageInfo() (int, ShmUsage, error)                       { return 0, ShmUsage{}, errUnsupported }
func Semget(int32, int, int) (int, error)                        { return 0, errUnsupported }
func SemopNoWait(int, []Sembuf) Errno                            { return ENOSYS }
func Semtimedop(int, []Sembuf, time.Duration) error              { return errUnsupported }
func SemStat(int) (Sem, error)                                   { return Sem{}, errUnsupported }
func SemStatAny(int) (int, Sem, error)                           { return 0, Sem{}, errUnsupported }
func SemSet(int, uint32, uint32, uint32) error                   { return errUnsupported }
func Semctl(int, int, int) (int, error)                          { return 0, errUnsupported }
func SemSetval(int, int, int) error                              { return errUnsupported }
func SemGetall(int, []uint16) error                              { return errUnsupported }
func SemSetall(int, []uint16) error                              { return errUnsupported }
func MapValues(int) ([]uint16, error)                            { return nil, errUnsupported }
func UnmapValues([]uint16)                                       {}
func SemLimitsInfo() (SemInfo, error)                            { return SemInfo{}, errUnsupported }
func SemUsageInfo() (int, SemInfo, error)                        { return 0, SemInfo{}, errUnsupported }
func Msgget(int32, int) (int, error)                             { return 0, errUnsupported }
func MsgsndNoWait(int, Msgbuf, int) Errno                        { return ENOSYS }
func Msgsnd(int, Msgbuf, int) error                              { return errUnsupported }
func MsgrcvNoWait(_ int, _ Msgbuf, _, _, _ uintptr) (int, Errno) { return 0, ENOSYS }
func Msgrcv(_ int, _ Msgbuf, _, _, _ uintptr) (int, error)       { return 0, errUnsupported }
func MsgStat(int) (Msg, error)                                   { return Msg{}, errUnsupported }
func MsgStatAny(int) (int, Msg, error)                           { return 0, Msg{}, errUnsupported }
func MsgSet(int, uint32, uint32, uint32, uint64) error           { return errUnsupported }
func MsgRemove(int) error                                        { return errUnsupported }
func MsgLimitsInfo() (MsgInfo, error)                            { return MsgInfo{}, errUnsupported }
func MsgUsageInfo() (int, MsgInfo, error)                        { return 0, MsgInfo{}, errUnsupported }
