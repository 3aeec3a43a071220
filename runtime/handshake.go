package batpak

// The versions of generated code that this runtime serves. Generated code names
// the version it was made for in two constant conversions, which stop compiling
// when the runtime is too old or has dropped that version; the comment beside
// them says what to do.
const (
	GenOldest = 1
	GenNewest = 1
)
