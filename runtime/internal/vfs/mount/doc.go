// Package mount says what file system a directory lies on, as far as it matters to a
// log: whether this kernel answers for its locks and syncs.
package mount

import "os"

// Plan9 is the kind of directories that the host of a virtual machine or a sandbox hands
// in. There it is the disk, and locks and syncs are those of one machine; but a mapping
// need not show what others write.
const Plan9 = "9P"

// Of is the kind of file system that a directory lies on, such as NFS, if locks and
// syncs are answered there by another machine or another process, or [Plan9]; empty if this kernel
// answers, or if that cannot be known. The directory is one of package vfs, or stands
// before one; any other says nothing.
func Of(directory any) (string, error) {
	if d, ok := directory.(interface{ Network() (string, error) }); ok {
		return d.Network()
	}
	return "", nil
}

// Network is the kind of file system that an open directory lies on, as [Of] has it.
func Network(directory *os.File) (string, error) { return network(directory) }
