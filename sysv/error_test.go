//go:build linux && !android

package sysv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
)

func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  sysv.Error
		want string
	}{
		{sysv.Error{Op: "shmat", ID: 0, Err: syscall.EACCES},
			"shmat segment 0: permission denied"},
		{sysv.Error{Op: "semop", ID: 7, Err: sysv.ErrRemoved},
			"semop set 7: identifier removed"},
		{sysv.Error{Op: "msgrcv", ID: 3, Err: syscall.E2BIG},
			"msgrcv queue 3: argument list too long"},
		{sysv.Error{Op: "shmget", Key: 0x4d2, ID: -1, Err: syscall.EEXIST},
			"shmget key 0x000004d2: file exists"},
		{sysv.Error{Op: "semget", Key: 0xffffffff, ID: -1, Err: syscall.ENOENT},
			"semget key 0xffffffff: no such file or directory"},
		{sysv.Error{Op: "shmget", Key: 0x4d2, ID: 5, Err: syscall.EINVAL},
			"shmget segment 5: invalid argument"},
		{sysv.Error{Op: "shmget", ID: -1, Err: syscall.ENOSPC, Hint: "3 of 3 segments in use (SHMMNI, kernel.shmmni)"},
			"shmget: no space left on device (3 of 3 segments in use (SHMMNI, kernel.shmmni))"},
		{sysv.Error{Op: "x", ID: 1, Err: syscall.ENOSYS},
			"x id 1: function not implemented"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	targets := map[string]error{
		"ErrRemoved":        sysv.ErrRemoved,
		"ErrNotInitialized": sysv.ErrNotInitialized,
		"ErrWouldBlock":     sysv.ErrWouldBlock,
		"fs.ErrExist":       fs.ErrExist,
		"fs.ErrNotExist":    fs.ErrNotExist,
		"fs.ErrPermission":  fs.ErrPermission,
		"ErrUnsupported":    errors.ErrUnsupported,
		"EIDRM":             syscall.EIDRM,
	}
	for _, tt := range []struct {
		err error
		is  []string
	}{
		{syscall.EIDRM, []string{"ErrRemoved", "EIDRM"}},
		{sysv.ErrRemoved, []string{"ErrRemoved", "EIDRM"}},
		{syscall.EEXIST, []string{"fs.ErrExist"}},
		{syscall.ENOENT, []string{"fs.ErrNotExist"}},
		{syscall.EACCES, []string{"fs.ErrPermission"}},
		{syscall.EPERM, []string{"fs.ErrPermission"}},
		{syscall.ENOSYS, []string{"ErrUnsupported"}},
		{sysv.ErrNotInitialized, []string{"ErrNotInitialized"}},
		{sysv.ErrWouldBlock, []string{"ErrWouldBlock"}},
		{syscall.EINVAL, nil},
		{syscall.ENOSPC, nil},
	} {
		wrapped := fmt.Errorf("opening: %w", &sysv.Error{Op: "shmget", ID: -1, Err: tt.err})
		want := make(map[string]bool)
		for _, name := range tt.is {
			want[name] = true
		}
		for name, target := range targets {
			if got := errors.Is(wrapped, target); got != want[name] {
				t.Errorf("%v is %s: %v, want %v", wrapped, name, got, want[name])
			}
		}
	}
}

func TestErrorAs(t *testing.T) {
	want := &sysv.Error{Op: "shmget", Key: 9, ID: -1, Hint: "try again", Err: syscall.ENOSPC}
	err := fmt.Errorf("opening: %w", want)
	var got *sysv.Error
	if !errors.As(err, &got) || got != want {
		t.Errorf("errors.As found %v, want the Error itself", got)
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.ENOSPC {
		t.Errorf("errors.As found errno %v, want ENOSPC", errno)
	}
}
