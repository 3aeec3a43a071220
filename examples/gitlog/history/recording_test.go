package history_test

import (
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

// journal binds a journal to an empty store.
func journal(t *testing.T) *history.Journal {
	t.Helper()
	s, err := batpaktest.OpenDir(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	j, err := history.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	return j.In("repo")
}

func TestGates(t *testing.T) {
	id := func(digit string) history.Hash { return history.Hash(strings.Repeat(digit, 40)) }
	sha256 := history.Hash(strings.Repeat("d", 64))
	for _, c := range []struct {
		name             string
		id               history.Hash
		author           history.AuthorID
		parents          []history.Hash
		recorded, beyond []history.Hash
		code             string // of the denial, empty for none
	}{
		{name: "root", id: id("a"), author: "ann"},
		{name: "root of SHA-256", id: sha256, author: "ann"},
		{name: "child", id: id("a"), author: "ann", parents: []history.Hash{id("b")}, recorded: []history.Hash{id("b")}},
		{name: "boundary", id: id("a"), author: "ann", parents: []history.Hash{id("b")}, beyond: []history.Hash{id("b")}},
		{
			name: "merge over the boundary", id: id("a"), author: "ann", parents: []history.Hash{id("b"), id("c")},
			recorded: []history.Hash{id("b")}, beyond: []history.Hash{id("c")},
		},
		{name: "short id", id: "abc", author: "ann", code: history.CodeMalformed},
		{name: "upper-case id", id: id("A"), author: "ann", code: history.CodeMalformed},
		{
			name: "short parent", id: id("a"), author: "ann", parents: []history.Hash{"abc"},
			recorded: []history.Hash{"abc"}, code: history.CodeMalformed,
		},
		{
			name: "parent of another length", id: id("a"), author: "ann", parents: []history.Hash{sha256},
			recorded: []history.Hash{sha256}, code: history.CodeMalformed,
		},
		{
			name: "own parent", id: id("a"), author: "ann", parents: []history.Hash{id("a")},
			recorded: []history.Hash{id("a")}, code: history.CodeMalformed,
		},
		{name: "no author", id: id("a"), code: history.CodeAnonymous},
		{name: "orphan", id: id("a"), author: "ann", parents: []history.Hash{id("b")}, code: history.CodeOrphan},
		{
			name: "half an orphan", id: id("a"), author: "ann", parents: []history.Hash{id("b"), id("c")},
			recorded: []history.Hash{id("b")}, code: history.CodeOrphan,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := history.CommitRecorded{Parents: c.parents, Author: c.author}
			run := history.Given(t).OnCommit(c.id).WhenRecordCommit(e, c.recorded, c.beyond)
			if c.code == "" {
				run.ThenAppended(e)
			} else {
				run.ThenDenied(c.code)
			}
		})
	}
}
