package segment

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	suffix = ".seg"
	digits = 16
)

// Name is the name of the file that holds the segment with this number.
func Name(number uint64) string { return fmt.Sprintf("%0*x%s", digits, number, suffix) }

// ParseName reads the number back from a name. It reports false for every name
// that [Name] does not give to a segment from 1 on.
func ParseName(name string) (number uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || len(hex) != digits || strings.ToLower(hex) != hex {
		return 0, false
	}
	number, err := strconv.ParseUint(hex, 16, 64)
	return number, err == nil && number > 0
}
