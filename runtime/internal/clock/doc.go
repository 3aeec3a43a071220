// Package clock makes event ids, and with them the store's time.
//
// It is the only reader of the wall clock. Its time is a hybrid logical clock
// in ticks of 1/4096 millisecond (about 244 ns): a reading is the wall clock
// or, where that stands still or went back, one tick more than the last
// reading. Every reading goes into the first 64 bits of one UUID of version 7,
// 48 bits of milliseconds and 12 bits of their fraction (RFC 9562, section
// 6.2, method 3), so ids rise strictly and an event's time is read from its id.
// What the wall clock showed where that was less is stored nowhere; how often it
// was, and by how much, is counted.
//
// The package does not order, expire or deduplicate anything by time.
package clock
