// Package disk is what the suite asks of the operating system: to sync, allocate
// and map files, to warm and to drop the page cache, and to say how much disk and
// memory is in use.
package disk
