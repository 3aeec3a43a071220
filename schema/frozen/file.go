package frozen

import (
	"encoding/hex"
	"fmt"

	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// Dir is where frozen payloads lie, from the directory of the schema, with slashes.
const Dir = "testdata/batpak"

// Path is where the payloads of a version lie, from the directory of the schema,
// with slashes.
func Path(kind, version uint16) string {
	return fmt.Sprintf(Dir+"/%x_%03x__v%d.hex", kind>>12, kind&0xFFF, version)
}

// ParsePath returns the version whose payloads lie at a path, if it is that of one.
func ParsePath(path string) (kind, version uint16, ok bool) {
	var category, number uint16
	_, err := fmt.Sscanf(path, Dir+"/%x_%x__v%d.hex", &category, &number, &version)
	kind = category<<12 | number&0xFFF
	return kind, version, err == nil && Path(kind, version) == path
}

// Grow returns the file of a version, nil if there is none yet, with the payloads
// of one more shape, or a remark that none can be made.
func Grow(file []byte, kind, version uint16, s *model.Struct) []byte {
	if len(file) == 0 {
		file = fmt.Appendf(nil, "# Payloads of kind %x:%03x, version %d, as they may lie in stores; lines are only added.\n",
			kind>>12, kind&0xFFF, version)
	}
	file = file[:len(file):len(file)]
	fingerprint, samples := shape.Fingerprint(shape.Text(s)), Samples(s)
	if len(samples) == 0 {
		return fmt.Appendf(file, "# %s no payload\n", fingerprint)
	}
	for _, sample := range samples {
		file = fmt.Appendf(file, "%s %s ", fingerprint, sample.Name)
		file = append(hex.AppendEncode(file, sample.Payload), '\n')
	}
	return file
}
