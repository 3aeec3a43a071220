// Package peer drives the stores that a program would use instead of ours. They are
// heavy: it has them only if it is built with the tag "peers".
//
// All peers that are ordered maps or tables keep the same things: an event under
// its position, and ways to it by id, by entity and version, and by kind. All of
// them refuse an id, or a version of an entity, that is there already. Those that
// are logs number their records and know nothing else.
package peer
