package codec_test

import (
	"fmt"
	"go/token"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Emitted methods call their receiver as the user's own do, unless that hides
// something that they refer to. No variable of theirs is called that.
func TestMethodsHaveTheReceiverOfTheUsers(t *testing.T) {
	for _, tt := range []struct {
		users                 string
		receiver, buffer, dec string // of the methods
	}{
		{"", "v", "dst", "d"},
		{"b", "b", "dst", "d"},
		{"balance", "balance", "dst", "d"},
		{"src", "src", "dst", "d"},
		{"d", "d", "dst", "dValue"},
		{"dst", "dst", "dstValue", "d"},
		{"wire", "v", "dst", "d"},     // an import
		{"string", "v", "dst", "d"},   // predeclared
		{"Amount", "v", "dst", "d"},   // of the package
		{"appendS", "v", "dst", "d"},  // emitted
		{"decodeIt", "v", "dst", "d"}, // may be emitted
	} {
		s := holding(basic("string"))
		s.Receiver = tt.users
		pkg := &model.Package{
			Events:  []*model.Event{{Payload: s}},
			Structs: []*model.Struct{s},
			Taken:   map[string]token.Position{"Amount": {}},
		}
		v := vocab.New(pkg)
		var text strings.Builder
		for _, decl := range codec.New(v, pkg).Struct(s) {
			fmt.Fprintf(&text, "%#v\n", decl)
		}
		for _, want := range []string{
			fmt.Sprintf("func (%s S) AppendBatpak(%s []byte)", tt.receiver, tt.buffer),
			fmt.Sprintf("AppendString(%s, \"f\"), %s.F)\n", tt.buffer, tt.receiver),
			fmt.Sprintf("func (%s *S) DecodeBatpak(", tt.receiver),
			fmt.Sprintf("Finish(%s, %s, decodeS(%[1]s))\n", tt.dec, tt.receiver),
		} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("with receivers called %q, emitted code lacks %q:\n%s", tt.users, want, &text)
			}
		}
	}
}
