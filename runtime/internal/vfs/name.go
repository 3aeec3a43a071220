package vfs

// maxName is the longest name in bytes.
const maxName = 64

// ValidName reports whether a file of the store may have this name: 1 to 64
// bytes of a-z, 0-9, '-' and '.', the first of them a letter or a digit. Such a
// name has no separator, no case, and no meaning to a shell or a kernel.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '.' || name[0] == '-' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
