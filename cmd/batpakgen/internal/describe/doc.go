// Package describe tells what a schema says, for people and for other programs:
// as text, as JSON, as a catalogue of events in Markdown, as a diagram, and as a
// JSON Schema for each version of each payload.
//
// All of these are views of one catalogue, in which names take the place of
// references. Nothing in them depends on the time, the machine or the directory
// in which the package lies, so they may be kept in a repository.
//
// It judges nothing: a schema with errors is not described.
package describe
