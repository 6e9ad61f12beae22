//go:build linux && !android

package sysv_test

import (
	"errors"
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

func ExampleParseKey() {
	for _, s := range []string{"0x4d2", "1234", "-1", "0"} {
		key, err := sysv.ParseKey(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(key)
	}
	// Output:
	// 0x000004d2
	// 0x000004d2
	// 0xffffffff
	// key "0" is 0 (IPC_PRIVATE), which names no object
}

func ExampleError() {
	_, err := shm.Open(0x7e5ca4e1, nil)
	fmt.Println(err)
	fmt.Println("to be created:", errors.Is(err, fs.ErrNotExist))

	var e *sysv.Error
	if errors.As(err, &e) {
		fmt.Println("refused by:", e.Op)
	}
	// Output:
	// shmget key 0x7e5ca4e1: no such file or directory (no segment has this key in this IPC namespace, of which each container or pod has its own (lsns -t ipc))
	// to be created: true
	// refused by: shmget
}
