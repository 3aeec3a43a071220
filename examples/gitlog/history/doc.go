// Package history is the schema of a git repository's history: what happened
// to commits, authors, files and tags.
//
//   - schema.go says what there is: entities, events, projections, gates and the
//     command record-commit.
//   - events.go has the payloads.
//   - authorship.go, churn.go and tag.go have the projections' states; recording.go
//     has the gates.
//   - name.go makes entity ids and idempotency keys out of what git allows in
//     mails, paths and tag names, which is nearly everything.
//   - the files *.batpak.go are generated from these.
//
// A commit's event names its parents; the store's causation leads from a commit
// to its first parent, and from a file, author or tag event to the commit it
// belongs to. The correlation of them all is the event [HistoryBegun] of the
// root that the commit descends from. One log may hold several repositories,
// each in a scope of its own: commits and authors are the same in all of them,
// files and tags belong to one.
//
// The package reads no repository, opens no store, and is pure.
package history
