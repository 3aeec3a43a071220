// Package command is the frame that the subcommands of batpakgen share: how they
// take flags, how they fail, and with which code the process exits.
//
// A subcommand is a function that does its work and returns an error. It prints
// what it found itself and then returns [ErrFindings]; every other error is
// printed here, once. What the flags of a subcommand mean is its own affair.
package command
