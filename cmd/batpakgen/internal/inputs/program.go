package inputs

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"regexp"
)

// Program digests this program, which stays the same for as long as it runs.
func Program() (Digest, error) {
	name, err := os.Executable()
	if err != nil {
		return Digest{}, &UnsureError{err.Error()}
	}
	return program(name)
}

// program digests a program: what the go command calls it, which takes two of one name for
// the same as well, or all of its content if another has built it.
func program(name string) (Digest, error) {
	f, err := os.Open(name)
	if err != nil {
		return Digest{}, &UnsureError{err.Error()}
	}
	defer f.Close()
	const far = 1 << 16 // as the go command looks for it
	r := bufio.NewReaderSize(f, far)
	head, err := r.Peek(far)
	if err != nil && !errors.Is(err, io.EOF) {
		return Digest{}, &UnsureError{err.Error()}
	}
	if id := buildID(head); id != nil {
		return sha256.Sum256(id), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return Digest{}, &UnsureError{err.Error()}
	}
	return Digest(h.Sum(nil)), nil
}

// buildID finds the build ID near the head of a program, in the form in which the go
// command writes it: digests of what the program and its main package were made of, and
// of what they came to. Any other form may be one that somebody chose, and says nothing.
func buildID(head []byte) []byte {
	return regexp.MustCompile(`[\w-]{20}/[\w-]{20}/[\w-]{20}/[\w-]{20}`).Find(head)
}
