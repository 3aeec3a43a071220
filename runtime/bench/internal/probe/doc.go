// Package probe measures what the machine allows at most: writing and syncing the
// bytes of events without a store around it, and checking them.
package probe
