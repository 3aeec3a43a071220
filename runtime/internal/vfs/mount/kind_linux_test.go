package mount

import (
	"os"
	"testing"
)

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x65735546: "FUSE", 0x00c36400: "Ceph", 0x01021997: Plan9,
		0xef53: "", 0x58465342: "", 0x9123683e: "", 0x01021994: "", 0x794c7630: "", // ext, XFS, Btrfs, tmpfs, overlay
	} {
		if got := networkOf(magic); got != want {
			t.Errorf("networkOf(%#x) = %q, want %q", magic, got, want)
		}
	}
}

// proc is a file system of the kernel's own wherever there is one.
func TestNetworkAsksTheKernel(t *testing.T) {
	proc, err := os.Open("/proc")
	if err != nil {
		t.Skip(err)
	}
	if got, err := network(proc); got != "" || err != nil {
		t.Errorf("network(/proc) = %q, %v, want none", got, err)
	}
	if err := proc.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := network(proc); err == nil {
		t.Error("network() of a closed directory succeeded")
	}
}
