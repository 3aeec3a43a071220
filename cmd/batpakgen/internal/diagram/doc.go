// Package diagram draws a schema: events in the streams of their entities, the
// commands that lead to them through gates, and the projections and reactors that
// they lead to.
//
// It writes the language of Mermaid, which GitHub and many editors show as a
// picture. What a command loads before it asks its gates is a dashed line.
package diagram
