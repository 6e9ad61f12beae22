package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// devices are those that segments lie on, as /proc/PID/maps names them: the kernel's own
// mounts of tmpfs and, for huge pages of each size, of hugetlbfs (shm_mnt in mm/shmem.c,
// hugetlbfs_vfsmount in fs/hugetlbfs/inode.c). Nobody else can put a file there that has a
// segment's name, and what memfd_create(2) makes lies there, too, under another.
func devices() map[string]bool {
	found := make(map[string]bool)
	add := func(flags int) {
		fd, err := unix.MemfdCreate("ipcdemo", flags|unix.MFD_CLOEXEC)
		if err != nil {
			return
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			found[fmt.Sprintf("%02x:%02x", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))] = true
		}
	}
	add(0)
	sizes, _ := filepath.Glob("/sys/kernel/mm/hugepages/hugepages-*kB")
	for _, dir := range sizes {
		kb, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(dir), "hugepages-"), "kB"), 10, 64)
		if err != nil {
			continue
		}
		log := 10
		for ; kb > 1; kb /= 2 {
			log++
		}
		add(unix.MFD_HUGETLB | log<<hugeShift)
	}
	if len(sizes) == 0 && !exists("/sys/kernel/mm") {
		add(unix.MFD_HUGETLB) // without /sys at least those of the usual size
	}
	return found
}

// hugeShift is MFD_HUGE_SHIFT of memfd_create(2).
const hugeShift = 26

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
