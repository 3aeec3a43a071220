package git

import "io"

// MaxField is the limit of the parser.
const MaxField = maxField

// Parse parses the output of git diff-tree.
func Parse(r io.Reader, names bool) ([]Commit, error) {
	p := newParser(r)
	p.names = names
	var commits []Commit
	for {
		c, err := p.next()
		if err == io.EOF {
			return commits, nil
		}
		if err != nil {
			return commits, err
		}
		commits = append(commits, c)
	}
}
