// Package payload turns Go structs into the shapes that are stored.
//
// It says which fields are stored under which names, and refuses what has no
// canonical encoding: integers whose size depends on the platform, interfaces,
// recursion, fields that nobody could read back, and floating point and maps where
// the field does not opt in. Types
// of other packages are looked through to their fields; a diagnostic about them
// stands at the user's own field that leads there.
//
// It does not say which structs are payloads, and knows nothing of encoding.
package payload
