package git

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// Tag is a tag: a name for an object, mostly a commit.
type Tag struct {
	Name      []byte // without refs/tags/
	Object    string // what the reference holds: the tag object of an annotated tag
	Annotated bool
	Target    string // what is tagged
	Type      string // of the target: "commit", "tree", "blob" or "tag"
	Tagger    Person // of an annotated tag
	Subject   string // of an annotated tag
}

// tagFields are what for-each-ref is asked for, in the order that parseTag
// reads it.
const tagFields = "--format=%(refname:strip=2)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00" +
	"%(taggername)%00%(taggeremail:trim)%00%(taggerdate:unix)%00%(contents:subject)%00"

// Tags lists the tags, sorted by name.
func (r *Repository) Tags(ctx context.Context) ([]Tag, error) {
	out, err := r.output(ctx, "for-each-ref", tagFields, "refs/tags")
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	var tags []Tag
	for len(out) > 0 {
		var t Tag
		if t, out, err = parseTag(out); err != nil {
			return nil, fmt.Errorf("list tags: %w", err)
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// parseTag reads one tag: nine fields that end with NUL, and a line feed.
func parseTag(src []byte) (t Tag, rest []byte, err error) {
	var fields [9][]byte
	for i := range fields {
		f, rest, ok := bytes.Cut(src, []byte{0})
		if !ok {
			return Tag{}, nil, fmt.Errorf("output of git for-each-ref ends within %.80q", src)
		}
		fields[i], src = f, rest
	}
	t = Tag{
		Name: slices.Clone(fields[0]), Object: string(fields[1]),
		Target: string(fields[1]), Type: string(fields[2]),
	}
	if t.Type == "tag" && len(fields[3]) > 0 {
		t.Annotated = true
		t.Target, t.Type = string(fields[3]), string(fields[4])
		t.Tagger = Person{Name: text(string(fields[5])), Mail: string(fields[6]), At: instant(string(fields[7]))}
		t.Subject = text(string(fields[8]))
	}
	return t, bytes.TrimPrefix(src, []byte{'\n'}), nil
}
