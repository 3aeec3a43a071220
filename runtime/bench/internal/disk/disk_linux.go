package disk

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Datasync makes the bytes of a file durable.
func Datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// Allocate gives a file size bytes of disk.
func Allocate(f *os.File, size int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, size) }

func forget(f *os.File) error { return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// Resident is how many bytes of this process are in memory, but for the pages of
// files. It is 0 if the system does not tell.
func Resident() (bytes int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				bytes = kib << 10
			}
		}
	}
	return bytes
}
