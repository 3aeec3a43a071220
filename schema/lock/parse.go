package lock

import (
	"bytes"
	"errors"
	"go/token"
	"slices"

	"github.com/batpak-go/batpak/schema/lock/internal/node"
	"github.com/batpak-go/batpak/schema/shape"
)

// Parse reads a lock file, which is called name in positions. It takes what
// [Print] writes and nothing else, but for the line ends that git gives it on
// Windows; the error is an [*Error].
func Parse(name string, data []byte) (*File, error) {
	data = unixLines(data)
	if _, _, marker := sides(data); marker.found || marker.broken {
		return nil, &Error{Pos: position(name, data, marker.at), Err: ErrConflict}
	}
	f, err := parse(name, data, false)
	if err != nil {
		return nil, err
	}
	if printed := Print(f); !bytes.Equal(printed, data) {
		same := 0
		for same < len(printed) && same < len(data) && printed[same] == data[same] {
			same++
		}
		return nil, &Error{Pos: position(name, data, same), Err: ErrNotCanonical}
	}
	return f, nil
}

// unixLines ends lines as we write them.
func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// parse reads a lock file whose entries may stand in any order, with any space
// between them, and sorts them. In a repair, drafts may be anything.
func parse(name string, data []byte, repair bool) (*File, error) {
	root, err := node.Read(name, data)
	if e, ok := errors.AsType[*node.Error](err); ok {
		return nil, &Error{Pos: e.Pos, Err: ErrSyntax, Detail: e.Reason}
	}
	d := &decoder{Decoder: node.Decoder{Repeated: repair}, file: new(File), repair: repair}
	d.root(root)
	if d.newer != nil {
		return nil, d.newer
	}
	if e := d.Err(); e != nil {
		return nil, &Error{Pos: e.Pos, Err: ErrSyntax, Detail: e.Reason}
	}
	return d.file, nil
}

// decoder turns JSON into a file. After its first error what it does is of no
// consequence.
type decoder struct {
	node.Decoder

	file   *File
	repair bool
	newer  *Error // the format is a later one
}

// kind reads a kind.
func (d *decoder) kind(n node.Node) Kind {
	k, ok := ParseKind(n.Text)
	if n.Kind != node.Text || !ok {
		d.Fail(n.Pos, `want a kind such as "1:002"`)
	}
	return k
}

// state reads one of some states.
func (d *decoder) state(n node.Node, allowed ...State) State {
	s := State(d.Text(n))
	if !slices.Contains(allowed, s) {
		d.Fail(n.Pos, "unknown state %q", n.Text)
	}
	return s
}

// shape reads the text of a shape.
func (d *decoder) shape(n node.Node) string {
	text := d.Text(n)
	if _, err := shape.Parse(text); err != nil {
		d.Fail(n.Pos, "%v", err)
	}
	return text
}

// shapes reads an array of shapes.
func (d *decoder) shapes(n node.Node) []string {
	for _, item := range n.Items {
		d.shape(item)
	}
	return d.Texts(n)
}

// position is where a byte of a file is.
func position(name string, data []byte, offset int) token.Position {
	before := data[:min(offset, len(data))]
	return token.Position{
		Filename: name, Offset: len(before),
		Line: 1 + bytes.Count(before, []byte("\n")), Column: len(before) - bytes.LastIndexByte(before, '\n'),
	}
}
