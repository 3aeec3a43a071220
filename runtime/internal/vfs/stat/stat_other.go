//go:build !linux

package stat

import "os"

// Size is how many bytes a file has.
func Size(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
