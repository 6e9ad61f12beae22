//go:build linux && !android

package sysvtest

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// runInNamespace starts this test binary again in an IPC namespace of its own
// and returns its exit code.
//
// Root gets a new IPC namespace and nothing else, so that it can have other
// users' processes in it. Anybody else gets it inside a new user namespace, in
// which he is mapped to himself: mapped to root he would have capabilities, and
// no permission would ever be refused to him.
func runInNamespace() (int, error) {
	// The inner run dies with this thread (PR_SET_PDEATHSIG): keep it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), innerEnv+"=1", noSleep())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	return exitCode(cmd.Run())
}
