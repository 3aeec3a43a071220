package inputs

// ProgramOf digests the program in a file, as [Program] does with the one that runs.
func ProgramOf(name string) (Digest, error) { return program(name) }
