// Package sometimes counts how often rare states are reached, so that a lane
// which never reaches one is known to be weak. The idea is Antithesis's
// "sometimes assertions".
//
// A state is a line where it is reached,
//
//	sometimes.Reached("torn tail kept")
//
// which does something only with the build tag planted. Without it the call
// vanishes at compile time.
package sometimes
