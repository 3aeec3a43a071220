package vfs

import (
	"strings"
	"testing"
)

func TestHolderIsFoundInTheList(t *testing.T) {
	const list = `1: POSIX  ADVISORY  WRITE 11 fd:01:77 0 EOF
2: -> FLOCK  ADVISORY  WRITE 12 fd:01:77 0 EOF
3: FLOCK  ADVISORY  WRITE 13 fd:02:77 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fd:01:77 0 EOF
5: FLOCK  ADVISORY  READ  14 fd:01:77 0 EOF
6: FLOCK  ADVISORY  WRITE 15 103:80001:78 0 EOF
7: FLOCK
`
	for _, tt := range []struct {
		device, inode uint64
		want          int
	}{
		{0xfd01, 77, 14},
		{0xfd02, 77, 13},
		{0x80010300 | 0x01, 78, 15}, // major 0x103, minor 0x80001, as the C library packs them
		{0xfd03, 77, 0},
		{0xfd01, 79, 0},
	} {
		if got := holderOf(strings.NewReader(list), tt.device, tt.inode); got != tt.want {
			t.Errorf("holder of inode %d on device %x = %d, want %d", tt.inode, tt.device, got, tt.want)
		}
	}
}
