package vfs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// mostLocks bounds, in bytes, how much is read of the kernel's list of locks.
const mostLocks = 1 << 20

// holder is the process that has the lock of an open directory, 0 if that cannot be
// known: the kernel lists locks by the device and inode of their file, and some file
// systems show another device to programs. See proc_locks(5).
func holder(f *os.File) int {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	list, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer list.Close()
	return holderOf(io.LimitReader(list, mostLocks), uint64(stat.Dev), stat.Ino)
}

// holderOf finds the process in the list. A line is, for instance,
//
//	1: FLOCK  ADVISORY  WRITE 4711 fd:01:131073 0 EOF
//
// and begins with "1: ->" for a process that waits.
func holderOf(list io.Reader, device, inode uint64) int {
	major := device>>8&0xfff | device>>32&^0xfff
	minor := device&0xff | device>>12&^0xff
	want := fmt.Sprintf("%02x:%02x:%d", major, minor, inode)
	for lines := bufio.NewScanner(list); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != want {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}
